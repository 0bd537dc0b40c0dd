"""Seeded requests through the specification, its fast reading and the sanitized C; a wrong answer is told."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from cross_tools import require

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "firmware"))

import corpus

from workbench.vectors.reference import compute


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("make", "gcc")
    return corpus.build(tmp_path_factory.mktemp("held"))


@pytest.mark.slow
def test_a_part_is_answered_alike_and_another_one_asks_other_things(program: Path, tmp_path: Path) -> None:
    first = corpus.part(0, program, tmp_path, 4)
    assert first["requests"] == 4 * len(corpus.SIGNATURES)
    assert 0 < corpus.part(1, program, tmp_path, 4)["refused"] < first["requests"]


@pytest.mark.slow
def test_a_wrong_answer_ends_the_run_with_its_request(
    program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = corpus.entry

    def off(name: str, request: corpus.Request, right: np.ndarray | None) -> bytes:
        return entry(name, request, right + 1 if name == "change" and right is not None else right)

    monkeypatch.setattr(corpus, "entry", off)
    with pytest.raises(SystemExit, match="part 0: C \\('change'"):
        corpus.part(0, program, tmp_path, 1)


def test_sums_wrap_where_int32_ends_and_a_row_of_the_least_value_has_its_scale() -> None:
    """Once undefined in C, and the scale 0."""
    least = np.array([-(2**31)], np.int32)
    assert compute("add_s32", {"a": least, "b": least - 0}, {"n": 1}).tolist() == [0]
    assert compute("token_scale", {"values": least[None]}, {"rows": 1, "k": 1}).tolist() == [[2**30, 32]]
