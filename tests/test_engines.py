"""Each path of an installed engine follows one rule of the table, element for element."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")
pytest.importorskip("flatbuffers")

from workbench import engines
from workbench.engines import Tally, measured

RULES = {
    ("FULLY_CONNECTED", "reference kernels", "ai-edge-litert"): "single",
    ("FULLY_CONNECTED", "optimized kernels", "ai-edge-litert"): "double, ties up",
    ("FULLY_CONNECTED", "default (XNNPACK)", "ai-edge-litert"): "float32",
    ("FULLY_CONNECTED", "reference kernels", "tflite-micro"): "double",
    ("MUL", "reference kernels", "ai-edge-litert"): "double",
    ("MUL", "optimized kernels", "ai-edge-litert"): "double",
    ("MUL", "default (XNNPACK)", "ai-edge-litert"): "float32",
    ("MUL", "reference kernels", "tflite-micro"): "double",
}


def test_each_path_follows_its_rule_and_not_the_others() -> None:
    seen = {(op, path, name.split()[0]): found for op, name, path, found in measured(60_000)}
    assert set(seen) == set(RULES)
    for key, found in seen.items():
        if key[2] == "tflite-micro" and isinstance(found, str):
            continue  # has no wheel for every Python
        assert isinstance(found, Tally)
        assert found.wrong[RULES[key]] == 0
        assert sum(wrong > 0 for wrong in found.wrong.values()) >= 2


def test_an_engine_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "PATHS", (("no-such-engine", "kernels", engines.PATHS[0][2], "AUTO", ()),))
    assert [found for *_, found in measured(1)] == ["not installed", "not installed"]


def test_a_value_that_is_wrong_is_counted_under_every_rule() -> None:
    tally, acc, factor = Tally(), np.array([[1000]]), np.array([0.05])
    tally.add(np.array([[51]], np.int8), acc, factor)
    assert set(tally.wrong.values()) == {1}
    assert tally.verdict() == "none of these"
