"""A certificate finds what is wrong, makes it small, and never calls uncomputed what passed."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refimpl import fast, ops
from workbench.certify.cli import as_html, certificate, levels_of, read_port
from workbench.certify.corpus import requests
from workbench.certify.levels import FIXED_POINT, Level, beyond, corpus, vectors
from workbench.main import main
from workbench.vectors.check import NotServed, first_difference, python_implementation
from workbench.vectors.contract import refusal
from workbench.vectors.files import DEFAULT_GOLDEN
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.tensors import Array

SOUND = python_implementation(ops)
PINNED = 1211907292
Inputs, Params = dict[str, Any], dict[str, int]


def changed(operator: str, change: Any) -> Any:
    def port(algorithm: str, inputs: Inputs, params: Params) -> Array | None:
        out = SOUND(algorithm, inputs, params)
        return change(out, inputs) if algorithm == operator and out is not None else out

    return port


@pytest.mark.parametrize("algorithm", SIGNATURES)
def test_the_fast_reading_answers_seeded_requests_as_the_specification(algorithm: str) -> None:
    port, refused = python_implementation(fast), 0
    for inputs, params in requests(algorithm, 60, "test"):
        wanted = SOUND(algorithm, inputs, params)
        refused += wanted is None
        assert first_difference(wanted, port(algorithm, inputs, params)) is None, params
    assert refused < 60


def test_requests_are_the_same_everywhere() -> None:
    digest = 0
    for inputs, params in requests("linear_s8", 20, "pinned"):
        arrays = [(name, None if array is None else array.tolist()) for name, array in inputs.items()]
        digest = zlib.crc32(repr((sorted(params.items()), arrays)).encode(), digest)
    assert digest == PINNED


def test_one_request_in_some_is_refused_for_one_parameter() -> None:
    reasons = {refusal("rescale", *request) for request in requests("rescale", 300, "reasons")}
    assert None in reasons
    assert len(reasons) >= 4


@pytest.mark.parametrize("operator", ["requantize", "linear_s8", "rms_norm", "weighted_values", "embed"])
def test_a_wrong_value_is_found_and_shrinks_to_eight_elements(operator: str) -> None:
    def below_zero(out: Array, _: Inputs) -> Array:
        return out + (out < 0)  # truncation towards zero

    level = corpus((operator,), changed(operator, below_zero), 60, "shrink")
    assert level.status == "failed"
    assert level.wrong > 5
    shown = level.failures[0]
    assert shown.startswith(f"{operator} [")
    if operator in ("requantize", "linear_s8"):
        assert shown.count(",") < 60
        assert "'n': 1" in shown


def test_a_port_that_refuses_nothing_fails() -> None:
    def lax(algorithm: str, inputs: Inputs, params: Params) -> Array | None:
        out = SOUND(algorithm, inputs, params)
        return np.zeros(1, np.int8) if out is None else out

    level = corpus(("rescale",), lax, 60, "lax")
    assert level.status == "failed"
    assert "a result, not a refusal" in level.failures[0]


def test_an_operator_without_a_computed_case_is_never_green() -> None:
    def absent(algorithm: str, inputs: Inputs, params: Params) -> Array | None:
        raise NotServed

    for level in (corpus(("silu",), absent, 5, "x"), vectors("v", ("silu",), absent, DEFAULT_GOLDEN)):
        assert (level.status, level.uncomputed) == ("incomplete", ["silu"])
    assert Level("nothing").status == "incomplete"
    assert {level.status for level in beyond()} == {"not computed"}
    assert not certificate("p", ("silu",), beyond(), 5, "")["passed"]


def test_a_sound_port_passes_and_the_certificate_names_what_was_not_declared() -> None:
    levels = levels_of(SOUND, FIXED_POINT, 20, DEFAULT_GOLDEN)
    facts = certificate("p<q", FIXED_POINT, levels, 20, "0")
    assert facts["passed"]
    assert "linear_s8" in facts["not_declared"]
    assert "p&lt;q: passed, 5 levels not computed" in as_html(facts)
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize(("text", "said"), [
    ("", "name"), ('name = "a"\nlibrary = "x"\noperators = []', "operators is empty"),
    ('name = "a"\nlibrary = "x"\noperators = ["linear_s9"]', "linear_s9"),
    ('name = "a"\nlibrary = "x"\noperators = "all"\nmore = 1', "more"),
])  # fmt: skip
def test_a_port_that_is_not_declared_well_is_a_sentence(
    text: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "port.toml").write_text(text)
    assert main(["certify", str(tmp_path / "port.toml"), "--out", str(tmp_path / "c.json")]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "c.json").exists()


def test_a_port_is_read_relative_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "port.toml").write_text('name = "a"\nlibrary = "x.so"\noperators = "all"\n')
    assert read_port(tmp_path / "port.toml").library == tmp_path / "x.so"
    assert read_port(tmp_path / "port.toml").operators == tuple(SIGNATURES)
