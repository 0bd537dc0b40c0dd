"""Recursion traces: closed schema, same bits from the specification, from frozen images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from closed_schema import violations

from refimpl import fast, ops
from refimpl.__main__ import main
from refimpl.errors import InputError
from refimpl.image import Image
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.tensors import decode
from workbench.vectors.trace_files import dump_trace, freeze_images, read_traces
from workbench.vectors.traced import TRACED, load_traced
from workbench.vectors.traces import (
    MONTE_CARLO,
    MONTE_CARLO_MODEL,
    crc32,
    monte_carlo_document,
    run_traced,
    state_after,
    trace_document,
)

SCHEMA = json.loads((GOLDEN / "recursion_schema.json").read_text())
DOCUMENTS = {document["name"]: document for document in read_traces(GOLDEN)}
SMALL = [name for name in TRACED if name.startswith("hrm")]


def test_there_is_a_file_for_every_trace_and_no_other() -> None:
    assert set(DOCUMENTS) == {*TRACED, MONTE_CARLO}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_trace_satisfies_the_schema(name: str) -> None:
    assert violations(DOCUMENTS[name], SCHEMA, SCHEMA) == []


def test_the_trace_schema_is_closed() -> None:
    document = dict(DOCUMENTS["hrm-small-w4c"], remark="hello")
    assert violations(document, SCHEMA, SCHEMA) == ["$: remark is not allowed"]


@pytest.mark.parametrize("name", TRACED)
def test_regenerated_traces_are_byte_identical(name: str) -> None:
    text = dump_trace(trace_document(TRACED[name], GOLDEN))
    assert text == (GOLDEN / "recursion" / f"{name}.json").read_text()


def test_the_regenerated_monte_carlo_trace_is_byte_identical() -> None:
    text = dump_trace(monte_carlo_document(TRACED[MONTE_CARLO_MODEL], GOLDEN))
    assert text == (GOLDEN / "recursion" / f"{MONTE_CARLO}.json").read_text()


def test_the_monte_carlo_trace_never_settles() -> None:
    crcs = DOCUMENTS[MONTE_CARLO]["crc32"]
    assert len(crcs) == 100
    assert len(set(crcs)) == 100


@pytest.mark.parametrize("name", SMALL)
def test_the_specification_writes_the_same_trace(name: str) -> None:
    assert trace_document(TRACED[name], GOLDEN, ops) == trace_document(TRACED[name], GOLDEN, fast)


@pytest.mark.parametrize("name", ["sudoku9-mlp-w4c", "sudoku9-att-w4c"])
def test_the_specification_agrees_on_the_first_act_step_of_a_trained_network(name: str) -> None:
    model, _ = load_traced(TRACED[name], GOLDEN)
    calls, steps, _ = run_traced(TRACED[name], model.with_depth(steps=1), ops)
    document = DOCUMENTS[name]
    assert [crc32(z, "int16") for _, z in calls] == [c["crc32"] for c in document["calls"][: len(calls)]]
    assert crc32(steps[0][0].logits, "int32") == document["steps"][0]["logitsCrc32"]


def test_calls_are_numbered_as_the_recursion_runs_them() -> None:
    document = DOCUMENTS["hrm-small-w4c"]
    assert "".join(c["level"] for c in document["calls"]) == "LLHLLH" * 4
    assert [c["index"] for c in document["calls"]] == list(range(24))
    assert [c["cycle"] for c in document["calls"]] == [i // 3 for i in range(24)]


@pytest.mark.slow
def test_frozen_images_are_laid_out_as_the_networks_lower_today(tmp_path: Path) -> None:
    """Same sections, sizes and weight codes; scales of a float calibration may differ by a bit."""
    (tmp_path / "recursion").mkdir()
    freeze_images(tmp_path)
    for name in TRACED:
        frozen = Image((GOLDEN / "recursion" / TRACED[name].file).read_bytes())
        today = Image((tmp_path / "recursion" / TRACED[name].file).read_bytes())
        places = [[(key, e.offset, e.size) for key, e in image.entries.items()] for image in (frozen, today)]
        assert places[0] == places[1]
        for key in frozen.entries:
            if key.endswith("/codes"):
                assert (frozen.array(key) == today.array(key)).all(), (name, key)


def test_the_values_of_a_state_have_the_crc_of_the_trace(capsys: Any) -> None:
    assert main(["vectors", "state", "hrm-small-w4c", "17"]) == 0
    state = decode(json.loads(capsys.readouterr().out))
    assert state.dtype == np.int16
    assert state.shape == (11, 30)
    assert crc32(state, "int16") == DOCUMENTS["hrm-small-w4c"]["calls"][17]["crc32"]


def test_a_call_beyond_the_run_is_refused() -> None:
    with pytest.raises(InputError, match="has calls 0 to 23; there is no call 24"):
        state_after(TRACED["hrm-small-w4c"], GOLDEN, 24)


def test_an_unknown_trace_is_one_sentence_and_exit_code_2(capsys: Any) -> None:
    assert main(["vectors", "state", "sudoku", "0"]) == 2
    assert "there is no trace 'sudoku'" in capsys.readouterr().err
