"""Small sound flash images, and seeded mutants of them whose checksums are right."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np

from refimpl.float_params import build_model
from refimpl.image import ENTRY, HEADER, Image
from refimpl.model_image import ImageMeta, to_image
from refimpl.quantize.calibrate import calibrate
from refimpl.quantize.lower import lower
from workbench.model_config import model_config
from workbench.seeded import seeded_tensors
from workbench.stop_text import parse_stop

EDGES = (0, 1, 2, 3, 7, 14, 15, 16, 30, 31, 32, 127, 128, 255, 1023, 1024, 4096, 65535, 2**20, 2**24,
         2**30 - 1, 2**30, 2**30 + 1, 2**31 - 1, 2**31, 2**32 - 1)  # fmt: skip
TRM = {"model": "trm", "seq_len": 3, "vocab_size": 4, "hidden_size": 4, "num_heads": 1, "L_layers": 1,
       "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1, "mlp_t": True, "pos_encodings": "none",
       "puzzle_emb_len": 1, "channel_intermediate_size": 5, "token_intermediate_size": 6}  # fmt: skip
HRM = {**TRM, "model": "hrm", "mlp_t": False, "H_layers": 1, "pos_encodings": "rope"}
LEARNED = {**HRM, "model": "trm", "H_layers": 0, "pos_encodings": "learned"}
FORMS = (
    (TRM, "w4c", "fixed"),
    (HRM, "w8c-a8-c8-single", "settled,t=9"),
    (LEARNED, "w4an-a16", "fixed"),
    (HRM, "w4g3-a8d", "halt+settled,t=3,over=step"),
    (TRM, "mxint4-amx", "head"),
    (HRM, "w4g3s-a16", "fixed"),
    (TRM, "w3c", "fixed"),
)


@cache
def small_image(number: int) -> bytes:
    """One of FORMS with seeded weights: some 4 kB."""
    raw, form, stop = FORMS[number]
    config = model_config(raw)
    model = build_model(config, seeded_tensors(config, seed=number), np.float32)
    tokens = np.arange(config.seq_len)[None] % config.vocab_size
    lowered = lower(model, form, calibrate(model, tokens, source="s"))
    return to_image(lowered.with_stop(parse_stop(stop)), ImageMeta("small", form, "s", "none", trained=False))


def resealed(data: bytes | bytearray) -> bytes:
    """The same file with every checksum that its table describes made right."""
    out = bytearray(data)
    count = struct.unpack_from("<I", out, 8)[0]
    for at in range(
        HEADER.size, min(HEADER.size + count * ENTRY.size, len(out) - ENTRY.size + 1), ENTRY.size
    ):
        offset, size = struct.unpack_from("<II", out, at + 52)
        if offset + size <= len(out):
            struct.pack_into("<I", out, at + 60, zlib.crc32(out[offset : offset + size]))
    struct.pack_into("<I", out, 16, zlib.crc32(out[HEADER.size : HEADER.size + count * ENTRY.size]))
    return bytes(out)


def _place(rng: random.Random, image: Image) -> tuple[int, int]:
    """(offset, size) of a section; those of few bytes, which hold parameters, are drawn as often as any."""
    entry = rng.choice(list(image.entries.values()))
    return entry.offset, entry.size


def _bytes(rng: random.Random, data: bytearray, image: Image) -> None:
    start, size = _place(rng, image)
    for _ in range(rng.randint(1, 3)):
        data[start + rng.randrange(size)] = rng.choice((rng.randrange(256), 0, 127, 128, 255))


def _word(rng: random.Random, data: bytearray, image: Image) -> None:
    start, size = _place(rng, image)
    if size >= 4:
        value = rng.choice((rng.choice(EDGES), rng.getrandbits(32), -rng.choice(EDGES) & 0xFFFFFFFF))
        struct.pack_into("<I", data, start + 4 * rng.randrange(size // 4), value)


def _all_words(rng: random.Random, data: bytearray, image: Image) -> None:
    """Every multiplier of a leaf, or every shift: the steepest scales a file can state."""
    name = rng.choice([n for n in image.entries if n.endswith(("/multiplier", "/shift"))])
    entry = image.entries[name]
    raw = rng.choice(EDGES) & 0xFFFFFFFF
    fill = struct.pack("<I", raw) if name.endswith("multiplier") else bytes([raw & 0xFF])
    data[entry.offset : entry.offset + entry.size] = fill * (entry.size // len(fill))


def _table(rng: random.Random, data: bytearray, image: Image) -> None:
    at = HEADER.size + ENTRY.size * rng.randrange(len(image.entries))
    other = HEADER.size + ENTRY.size * rng.randrange(len(image.entries))
    match rng.randrange(6):
        case 0:
            data[at : at + 36] = data[other : other + 36]  # one name twice
        case 1:
            data[at : at + ENTRY.size], data[other : other + ENTRY.size] = (
                data[other : other + ENTRY.size],
                data[at : at + ENTRY.size],
            )
        case 2:
            data[at + 52 : at + 60] = data[other + 52 : other + 60]  # two sections in one place
        case 3:
            struct.pack_into("<I", data, at + 40 + 4 * rng.randrange(5), rng.choice(EDGES))
        case 4:
            data[at + rng.randrange(36, 40)] = rng.randrange(256)
        case _:
            data[at + rng.randrange(36)] = rng.choice((0, 32, 47, 97, 255))


def _outside(rng: random.Random, data: bytearray, image: Image) -> None:
    match rng.randrange(4):
        case 0:
            data[rng.randrange(HEADER.size)] ^= 1 << rng.randrange(8)
        case 1:
            del data[-rng.randint(1, 40) :]
        case 2:
            data += bytes(rng.choice((1, 16)))
        case _:
            ends = [e.offset + e.size for e in image.entries.values() if e.size % 16]
            data[rng.choice(ends)] = 1


def _repaired(rng: random.Random, data: bytearray, image: Image) -> None:
    """A change of the header's length with a file of that length, so that only the layout is wrong."""
    data += bytes(16 * rng.randint(0, 1))
    struct.pack_into("<I", data, 12, len(data))


CHANGES = (_bytes, _word, _word, _all_words, _table, _outside, _repaired)


def mutants(count: int, seed: str) -> Iterator[bytes]:
    """``count`` seeded mutants of the small images."""
    rng = random.Random(seed)
    images = [(small_image(i), Image(small_image(i))) for i in range(len(FORMS))]
    for _ in range(count):
        sound, image = rng.choice(images)
        data = bytearray(sound)
        for change in rng.choices(CHANGES, k=rng.choice((1, 1, 1, 2))):
            change(rng, data, image)
            if len(data) < len(sound):
                break
        yield resealed(data) if len(data) >= HEADER.size else bytes(data)
