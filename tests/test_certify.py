"""A certificate finds what is wrong, makes it small, and never calls uncomputed what passed."""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from refimpl import fast, ops
from workbench.certify.certificate import as_html, certificate
from workbench.certify.cli import operator_levels
from workbench.certify.corpus import requests, spoilt
from workbench.certify.level import Level
from workbench.certify.levels import FIXED_POINT, corpus, limits, vectors
from workbench.certify.limits import limits_of
from workbench.certify.port import Port, read_port
from workbench.main import main
from workbench.vectors.check import NotServed, first_difference, python_implementation
from workbench.vectors.contract import refusal
from workbench.vectors.files import DEFAULT_GOLDEN
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.tensors import Array

SOUND = python_implementation(ops)
PINNED = 341806454
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
        assert "'n': 1" in shown
    values = re.sub(r"'\w+': -?\d+(, )?", "", shown.split("not ", 1)[1].split(": ", 1)[1])
    assert sum(int(v) != 0 for v in re.findall(r"-?\d+", values)) <= 8


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
    unreached = Level("block", why="no formats are declared")
    assert unreached.status == "not computed"
    assert not certificate(Port("p", ("silu",)), (), [unreached], 5, {})["passed"]


def test_a_sound_port_passes_and_the_certificate_names_what_was_not_declared() -> None:
    levels = [*operator_levels(SOUND, FIXED_POINT, 20, DEFAULT_GOLDEN), Level("block", why="no formats")]
    facts = certificate(Port("p<q", FIXED_POINT), ("w4c",), levels, 20, {"p.so": "0"})
    assert facts["passed"]
    assert "linear_s8" in facts["not_declared"]["operators"]
    assert facts["not_declared"]["formats"] == ["w4c"]
    assert "p&lt;q: passed, 1 levels not computed" in as_html(facts)
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize(("text", "said"), [
    ("", "name"), ('name = "a"\nlibrary = "x"\noperators = []', "operators is empty"),
    ('name = "a"\nlibrary = "x"\noperators = ["linear_s9"]', "linear_s9"),
    ('name = "a"\nlibrary = "x"\noperators = "all"\nmore = 1', "more"),
    ('name = "a"\noperators = "all"', "reached by one of library, command, device"),
    ('name = "a"\ndevice = "x"\ncommand = ["x"]\noperators = "all"', "command, device"),
    ('name = "a"\ncommand = []\noperators = "all"', "command"),
    ('name = "a"\ncommand = ["./not-there"]\noperators = "all"', "cannot be started"),
    ('name = "a"\ndevice = "port.toml"\noperators = "all"', "no serial line"),
    ('name = "a"\ndevice = "not-there"\noperators = "all"', "cannot be opened"),
    ('name = "a"\nlibrary = "x"\noperators = "all"\nformats = ["w7c"]', "no trace in the format w7c"),
    ('name = "a"\nlibrary = "x"\noperators = "all"\nrules = ["triple"]', "rules"),
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
    assert read_port(tmp_path / "port.toml", ()).library == tmp_path / "x.so"
    assert read_port(tmp_path / "port.toml", ()).operators == tuple(SIGNATURES)


@pytest.mark.parametrize("name", SIGNATURES)
def test_the_fast_reading_keeps_the_specification_at_the_limits(name: str) -> None:
    level = limits((name,), python_implementation(fast))
    assert level.status == "passed"
    assert level.cases[name] == len(limits_of(name))
    assert level.refused >= len(spoilt(name)) > 0


def test_every_value_out_of_range_is_refused_by_the_contract_for_itself_alone() -> None:
    for name in SIGNATURES:
        assert all(refusal(name, *request) for request in spoilt(name)), name


def test_both_ends_of_every_width_are_met_at_the_limits() -> None:
    for name in ("rescale", "linear_s8", "linear_s4"):
        for bits in (4, 8, 16):
            met = [SOUND(name, i, p) for i, p in limits_of(name) if p["out_bits"] == bits]
            ends = {int(v) for out in met if out is not None for v in (out.min(), out.max())}
            assert {-(2 ** (bits - 1)), 2 ** (bits - 1) - 1} <= ends, (name, bits)
