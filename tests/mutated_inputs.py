"""Seeded mutants of small, sound files: what a damaged disk, a careless hand or a hostile one could leave."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from mcusim.catalogue import SHIPPED
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN

CONFIG = {"model": "trm", "seq_len": 16, "vocab_size": 6, "hidden_size": 12, "num_heads": 2, "L_layers": 1,
          "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1, "mlp_t": True, "pos_encodings": "none",
          "puzzle_emb_len": 1, "channel_intermediate_size": 16, "task": "maze"}  # fmt: skip
VALUES = ("null", "true", "-1", "0", "1e308", "1e999", "NaN", "Infinity", "2.5", '""', '"x"', "[]", "{}",
          "[[]]", '"\\ud800"', "9" * 19, "9" * 5000, "-9223372036854775809", '{"a":1}', "[" * 200,
          "[" * 20000)  # fmt: skip
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")
VALUE = re.compile(rb'(?<=[:=,\[ ])\s*("[^"\n]*"|-?\d[\d.]*|true|false|null)')


def _npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, **{"inner.lm_head.weight": np.eye(3, dtype=np.float32), "inner.H_init": np.ones(3)})
    return buffer.getvalue()


def _table() -> bytes:
    meta = json.dumps({"format": "fp32", "rows": 2, "hidden": 3, "label": "x", "input_scale": 2.0,
                       "schema": "refimpl.embedding-table/1"}).encode()  # fmt: skip
    return len(meta).to_bytes(4, "little") + meta + np.ones((2, 3), "<f4").tobytes()


def _result() -> bytes:
    first = (GOLDEN.parent / "results" / "att36.jsonl").read_bytes().split(b"\n", 1)[0]
    line = json.loads(first)
    result = line["result"]
    result |= {"puzzles": 3, "exact": "101", "puzzle_fidelity": [0.5, 0.25, 1.0]}
    result["floor_exact"] = 0
    return json.dumps(line).encode() + b"\n"


def sound() -> dict[str, list[bytes]]:
    """Kind of file -> sound ones, all small."""
    task = {"train": [{"input": [[1, 2]], "output": [[2, 1]]}], "test": [{"input": [[3]], "output": [[4]]}]}
    golden = [path.read_bytes() for path in (GOLDEN / "ops").glob("*.json") if path.stat().st_size < 12_000]
    traces = [path.read_bytes() for path in (GOLDEN / "recursion").glob("hrm-small-w4c*.json")]
    report = {"schema": "mcusim-run/1", "regions": [{"region": "flash", "used": 12}], "total": {"macs": 5}}
    recipe = GOLDEN.parent / "training" / "configs" / "maze10-att.toml"
    maze = b"question,answer\n" + b"S" + b" " * 98 + b"G," + b"S" + b"o" * 98 + b"G\n"
    sudoku = b"question,answer\n" + b"0" * 81 + b"," + b"1" * 81 + b"\n"
    calibration = {"source": "x", "absmax": {"lm_head.input": 1.5}}
    return {
        "arc": [json.dumps({"t1": task}).encode(), json.dumps(task).encode()],
        "compare": [json.dumps(report).encode()],
        "core": [(SHIPPED / "cores" / "cortex-m7.toml").read_bytes()],
        "deploy": [(SHIPPED / "deployments" / "sudoku9-mlp-int4.toml").read_bytes()],
        "maze": [maze],
        "network": [b"C" + json.dumps(CONFIG).encode(), b"K" + json.dumps(calibration).encode(),
                    b"W" + _npz()],
        "part": [(SHIPPED / "parts" / "generic-4mb.toml").read_bytes()],
        "plan": [b'puzzles = 4\n[[grid]]\nnetworks = ["sudoku6-mlp"]\nweights = ["w8c"]\ndepths = ["1x2"]\n'],
        "recipe": [recipe.read_bytes()],
        "results": [_result()],
        "sudoku": [sudoku],
        "tables": [_table()],
        "traces": traces,
        "vectors": golden,
    }


def mutants(content: bytes, seed: int) -> Iterator[bytes]:
    """An endless, seeded stream of mutants of ``content``."""
    rng = random.Random(seed)
    while True:
        found = bytearray(content)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            found = _mutated(found, rng)
        yield bytes(found)


def _mutated(content: bytearray, rng: random.Random) -> bytearray:
    at = rng.randrange(len(content) + 1)
    length = rng.choice((1, 1, 2, 8, 64, 1000))
    piece: Any = rng.choice((_value, _value, _value, _key, None, None, None, None, None))
    if piece is not None:
        return piece(content, rng)
    match rng.randrange(6):
        case 0:
            return content[:at] + bytes([rng.randrange(256)]) + content[at + 1 :]
        case 1:
            return content[:at] + content[at + length :]
        case 2:
            return content[:at] + content[at : at + length] * rng.choice((2, 3, 200)) + content[at + length :]
        case 3:
            return content[:at]
        case 4:
            return content[:at] + rng.randbytes(length) + content[at:]
        case _:
            return content[:at] + rng.choice(VALUES).encode() + content[at:]


def _value(content: bytearray, rng: random.Random) -> bytearray:
    places = list((NUMBER if rng.random() < 0.3 else VALUE).finditer(content))
    if not places:
        return content
    place = rng.choice(places)
    return content[: place.start()] + rng.choice(VALUES).encode() + content[place.end() :]


def _key(content: bytearray, rng: random.Random) -> bytearray:
    words = list(re.finditer(rb"[A-Za-z_]{2,}", content))
    if not words:
        return content
    one, other = rng.choice(words), rng.choice(words)
    return content[: one.start()] + other[0] + content[one.end() :]
