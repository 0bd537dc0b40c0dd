"""Small sound flash images of every kind of format, and seeded mutants of them through Python and C.

    python tests/image_mutants.py IMAGES RESULTS     resumable: RESULTS has a line for each part that is done

C is built with AddressSanitizer and UndefinedBehaviorSanitizer.  Python and C must accept the same images,
and ops, fast and C reach the same states on those.  Every part has a seed of its own.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

from refimpl import fast, ops
from refimpl.errors import RefimplError
from refimpl.float_params import build_model
from refimpl.image import Image
from refimpl.model_image import ImageMeta, to_image
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.lower import lower
from workbench.certify.hostile import mutants
from workbench.image_cli import accepted
from workbench.model_config import model_config
from workbench.seeded import seeded_tensors
from workbench.sites import calibrate
from workbench.stop_text import parse_stop

FIRMWARE = Path(__file__).resolve().parents[1] / "firmware"
EACH = 5000  # images in a part
SHORT = 2  # cycles of each kind, as the stream mode of firmware/host/load.c runs
Lines = Callable[[list[bytes]], list[str]]

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


def loader(build: Path) -> Lines:
    """One line of ``load-sanitized -``, made in ``build``, for each image."""
    program = build / "load-sanitized"
    subprocess.run(["make", "-s", "-C", FIRMWARE, f"BUILD={build}", program], check=True, capture_output=True)

    def lines(images: list[bytes]) -> list[str]:
        stream = b"".join(struct.pack("<I", len(data)) + data for data in images)
        done = subprocess.run([program, "-"], input=stream, capture_output=True, timeout=600)
        assert (done.returncode, done.stderr) == (0, b"")
        found = done.stdout.decode().splitlines()
        assert len(found) == len(images)
        return found

    return lines


def in_python(data: bytes) -> Model | None:
    """The model of an image that Python accepts."""
    try:
        return accepted(Image(data))
    except RefimplError:
        return None


def states(space: ModuleType, model: Model) -> str:
    """What the C program prints of the model's run on tokens 0."""
    c, digest = model.config, 0
    rule = replace(c.stop, more=min(c.stop.more, SHORT))
    short = replace(
        c, H_cycles=min(c.H_cycles, SHORT), L_cycles=min(c.L_cycles, SHORT), halt_max_steps=1, stop=rule
    )

    def on_call(_: object, z: np.ndarray) -> None:
        nonlocal digest
        state = zlib.crc32(np.ascontiguousarray(z[0], "<i2").tobytes())
        digest = zlib.crc32(struct.pack("<II", digest, state))

    run(space, replace(model, config=short), np.zeros((1, c.seq_len), np.int32), None, on_call)
    return f"ran {digest:08x}"


def part(number: int, images: Sequence[bytes], in_c: Lines, each: int = EACH) -> dict[str, int]:
    """What was asked and accepted; an AssertionError names the first image that is read otherwise."""
    drawn = [data for _, data in mutants(each, f"contract {number}", images)]
    ran = 0
    for place, (data, line) in enumerate(zip(drawn, in_c(drawn), strict=True)):
        model = in_python(data)
        assert (model is None) == line.startswith("refused: "), (number, place, line)
        if model is not None and line != "large":
            ran += 1
            assert line == states(fast, model) == states(ops, model), (number, place)
    return {"part": number, "images": each, "accepted": ran}


def main() -> None:
    """Ask until IMAGES are done; print how many."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("images", type=int)
    parser.add_argument("results", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so many")
    args = parser.parse_args()
    end, sound = time.monotonic() + args.seconds, [small_image(n) for n in range(len(FORMS))]
    rows = list(map(json.loads, args.results.read_text().splitlines())) if args.results.exists() else []
    with tempfile.TemporaryDirectory() as name, args.results.open("a") as out:
        in_c = loader(Path(name))
        while sum(row["images"] for row in rows) < args.images and time.monotonic() < end:
            rows.append(part(max((row["part"] for row in rows), default=-1) + 1, sound, in_c))
            out.write(json.dumps(rows[-1]) + "\n")
            out.flush()
    asked, ran = (sum(row[key] for row in rows) for key in ("images", "accepted"))
    print(f"{asked:,} mutated images, {ran:,} of them accepted and run: Python = C, 0 reports.")


if __name__ == "__main__":
    main()
