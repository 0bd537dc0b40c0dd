"""Seeded mutants of sound flash images: bytes, words, tables and lengths changed, checksums made right."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator, Sequence

from refimpl.image import ENTRY, HEADER, Image

EDGES = (0, 1, 2, 3, 7, 14, 15, 16, 30, 31, 32, 127, 128, 255, 1023, 1024, 4096, 65535, 2**20, 2**24,
         2**30 - 1, 2**30, 2**30 + 1, 2**31 - 1, 2**31, 2**32 - 1)  # fmt: skip
SMALL = 64  # bytes of a section that holds parameters, not codes


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


def _near(rng: random.Random, data: bytearray, image: Image) -> None:
    """A parameter one more or less, twice or half of what it was, or of the other sign."""
    entry = rng.choice([e for e in image.entries.values() if 4 <= e.size <= SMALL])
    at = entry.offset + 4 * rng.randrange(entry.size // 4)
    (value,) = struct.unpack_from("<i", data, at)
    changed = rng.choice((value + 1, value - 1, 2 * value, value // 2, -value))
    struct.pack_into("<I", data, at, changed & 0xFFFFFFFF)


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


CHANGES = (_bytes, _word, _word, _near, _near, _all_words, _table, _outside, _repaired)


def mutants(count: int, seed: str, images: Sequence[bytes]) -> Iterator[tuple[int, bytes]]:
    """``count`` seeded mutants of ``images``, one after the other, each with its image's number."""
    rng = random.Random(seed)
    read = [Image(data) for data in images]
    for made in range(count):
        number = made * len(images) // count
        data = bytearray(images[number])
        for change in rng.choices(CHANGES, k=rng.choice((1, 1, 1, 2))):
            change(rng, data, read[number])
            if len(data) < len(images[number]):
                break
        yield number, resealed(data) if len(data) >= HEADER.size else bytes(data)
