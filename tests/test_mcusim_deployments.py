"""Deployments: what ships, what a user's two files need, what a wrong one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from mcusim.catalogue import SHIPPED
from mcusim.deployments import DEFAULT_DEPLOYMENT, deployment_names, load_deployment
from mcusim.parts import load_part
from refimpl.errors import InputError
from refimpl.formats import FLOAT32

TEXT = (SHIPPED / "deployments" / "maze-att-int4.toml").read_text()


@pytest.mark.parametrize("name", deployment_names())
def test_every_shipped_deployment_loads_and_states_both_readings_for_both_budgets(name: str) -> None:
    deployment = load_deployment(name)
    assert list(deployment.expect) == [4 * 2**20, 8 * 2**20]
    assert load_part(deployment.part).name == deployment.part


def test_the_papers_recipe_and_what_must_be_refused_are_there() -> None:
    names = deployment_names()
    for name in (
        "sudoku-mlp-int4",
        "sudoku-att-int4",
        "maze-att-int4",
        "arc-att-int4",
        "arc-att-int8-h1n8",
        "hrm-sudoku-int4",
        "mlp-maze-int4",
        "sudoku-mlp-fp32",
        "arc-att-int4-resident",
        DEFAULT_DEPLOYMENT,
    ):
        assert name in names  # fmt: skip
    arc = load_deployment("arc-att-int8-h1n8")
    assert (str(arc.format), arc.H_cycles, arc.steps) == ("w8c-a8-c8", 1, 8)
    assert load_deployment("sudoku-mlp-fp32").format == FLOAT32


def test_a_user_adds_a_part_and_a_deployment_with_two_files(tmp_path: Path) -> None:
    (tmp_path / "my-board.toml").write_text((SHIPPED / "parts" / "rp2350.toml").read_text())
    (tmp_path / "my-maze.toml").write_text(TEXT.replace("generic-4mb", "my-board"))
    assert load_part("my-board", tmp_path).clock_hz == 150e6
    assert load_deployment("my-maze", tmp_path).part == "my-board"
    assert "my-maze" in deployment_names(tmp_path)


def test_a_deployment_may_state_the_parts_of_its_format_one_by_one(tmp_path: Path) -> None:
    parts = 'weights = "w4g32"\nactivations = "a8d"\ncarry = "int8"'
    (tmp_path / "mine.toml").write_text(TEXT.replace('format = "w4c-a8-c8"', parts))
    assert str(load_deployment("mine", tmp_path).format) == "w4g32-a8d-c8"


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('model = "trm-att-maze"', 'model = "trm-att-mase"', "did you mean 'trm-att-maze'"),
        ('format = "w4c-a8-c8"', 'format = "w9c"', "did you mean"),
        (
            'part = "generic-4mb"',
            'part = "generic-5mb"',
            "there is no part 'generic-5mb'; did you mean 'generic-",
        ),
        ('format = "w4c-a8-c8"', 'format = "w4c-a8-c4"', "no carry format 'c4'; did you mean"),
        ('format = "w4c-a8-c8"', 'format = "w4c-af-cf"', "is an emulation"),
        ('format = "w4c-a8-c8"', 'weights = "w4c"\ncarry = "int4"', "no carry format 'int4'"),
        ("steps = 16", "steps = 0", "steps is 0; it must be at least 1"),
        ("steps = 16", "steps = true", "steps is True; it must be a whole number"),
        (
            "everything = false",
            "everything = 0",
            "expect.4MB.everything is 0; it must be true (fits) or false",
        ),
        ("4MB =", "16MB =", "expect.4MB is missing"),
    ],
)
def test_a_wrong_deployment_gets_a_sentence_with_file_and_line(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    path = tmp_path / "mine.toml"
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_deployment("mine", tmp_path)
    assert sentence in str(caught.value)
    assert str(caught.value).startswith(f"{path} line ")
