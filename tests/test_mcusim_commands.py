"""The commands around the planner: check, plan, compare, parts, part, deployments, explain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcusim.__main__ import main
from mcusim.catalogue import SHIPPED
from mcusim.commands.compare import Moved, moved, parted
from refimpl.__main__ import main as refimpl

DEFAULT = (SHIPPED / "deployments" / "sudoku9-mlp-int4.toml").read_text()


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, object]]:
    """Exit code and JSON of a command."""
    code = main([*arguments, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.slow
def test_every_shipped_deployment_is_as_its_file_states(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = report(capsys, "check")
    assert code == 0
    assert data["as_expected"] is True


def test_check_fails_when_an_expectation_is_wrong_and_names_the_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = DEFAULT.replace("everything = true", "everything = false", 1)
    (tmp_path / "mine.toml").write_text(wrong)
    assert main(["check", "mine", "--catalogue", str(tmp_path)]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "mine.toml: expected to not fit 4 MiB (everything), but it does the opposite." in printed


def test_check_sums_image_arena_and_program(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = report(capsys, "check", "sudoku9-mlp-int4")
    (row,) = data["deployments"]  # type: ignore[misc]
    assert code == 0
    assert row["everything"] == row["image"] + row["arena"] + row["code"] + row["statics"] + row["stack"]
    assert row["weights_only"] == 258_626 // 2


def test_what_cannot_fit_is_a_lower_bound_without_a_plan(capsys: pytest.CaptureFixture[str]) -> None:
    _, data = report(capsys, "check", "arc-att-int4-resident", "sudoku-mlp-fp32")
    for row in data["deployments"]:  # type: ignore[attr-defined]
        assert (row["arena"], row["everything_is_lower_bound"]) == (None, True)
        assert not any(b["weights_only"] or b["everything"] for b in row["budgets"])
    assert data["deployments"][0]["weights_only"] > 104_265_728  # type: ignore[index]


def test_plan_marks_one_plan_that_fits(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = report(capsys, "plan", "sudoku9-mlp-int4")
    plans: list[dict[str, object]] = data["plans"]  # type: ignore[assignment]
    (chosen,) = (p for p in plans if p["chosen"])
    assert code == 0
    assert chosen["fits_part"] is True
    assert [p["high_water"] for p in plans] == sorted(p["high_water"] for p in plans)  # type: ignore[type-var]


def test_plan_prints_others_figures_and_the_cost_of_an_int8_carry(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "sudoku-mlp-int4", "--carry", "int8", "--part", "stm32h743"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "Arm Vela" in printed
    assert "TinyEngine 2 (ours is" in printed
    assert "int8 carry on sudoku9-mlp w4c: 207 of 256 puzzles exact, 214 with int16" in printed


def test_plan_says_so_when_a_part_holds_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "sudoku-att-int4", "--part", "rp2350", "--carry", "int16"]) == 0
    assert main(["plan", "maze-att-int4", "--part", "rp2350"]) == 1
    assert "rp2350 holds no plan" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("form", ["text", "md", "svg"])
def test_every_form_of_a_sheet_shows_the_chosen_plan(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plan", "sudoku9-mlp-int4", "--format", form]) == 0
    assert "generic-4mb" in capsys.readouterr().out


def test_compare_shows_what_differs_and_refuses_two_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second, other = (tmp_path / f"{name}.json" for name in ("a", "b", "c"))
    for path, part in ((first, "generic-4mb"), (second, "stm32h743")):
        main(["plan", "sudoku9-mlp-int4", "--part", part, "--format", "json"])
        path.write_text(capsys.readouterr().out)
    code, data = report(capsys, "compare", str(first), str(second))
    assert code == 0
    part = {"fact": "part", "first": "generic-4mb", "second": "stm32h743", "change": None}
    assert part in data["moved"]  # type: ignore[operator]
    main(["parts", "--format", "json"])
    other.write_text(capsys.readouterr().out)
    assert main(["compare", str(first), str(other)]) == 2
    assert "compare two reports of one command" in capsys.readouterr().err


def test_compare_of_a_report_with_itself_finds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["parts", "--format", "json"])
    path = tmp_path / "a.json"
    path.write_text(capsys.readouterr().out)
    _, data = report(capsys, "compare", str(path), str(path))
    assert data["moved"] == []


def test_compare_has_one_row_for_what_only_one_report_has_and_one_for_an_estimate() -> None:
    time, cycles = {"low": 1.0, "high": 2.0}, [{"cycle": 0, "crc32_H": 1}, {"cycle": 1, "crc32_H": 2}]
    first = {"puzzle": None, "total": {"time": time}, "operators": [{"op": "linear", "macs": 5}],
             "cycles": cycles}  # fmt: skip
    second = {"puzzle": {"right": True, "cells": 81}, "total": {"time": {"low": 1.0, "high": 3.0}},
              "operators": [{"op": "add", "macs": 1}, {"op": "linear", "macs": 5}],
              "cycles": [cycles[0], {"cycle": 1, "crc32_H": 3}]}  # fmt: skip
    assert list(moved(first, second)) == [
        Moved("puzzle", None, "2 facts"), Moved("total/time", (1.0, 2.0), (1.0, 3.0)),
        Moved("operators/add", None, "2 facts"),
    ]  # fmt: skip
    assert Moved("total/time", (1.0, 2.0), (1.0, 3.0)).change == 0.5
    assert parted(first, second) == ("z_H is the same up to H cycle 1 and differs from H cycle 2 on.",)


@pytest.mark.parametrize("content", ["{", "[]", '{"schema": "other/1"}'])
def test_compare_refuses_what_is_no_report(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.json"
    path.write_text(content)
    assert main(["compare", str(path), str(path)]) == 2
    said = capsys.readouterr().err
    assert "a.json" in said
    assert len(said.splitlines()) == 1


def test_a_printed_part_can_be_copied_and_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["parts", "rp2350", "--print"]) == 0
    (tmp_path / "my-pico.toml").write_text(capsys.readouterr().out)
    code, data = report(capsys, "parts", "--catalogue", str(tmp_path))
    assert code == 0
    assert "my-pico" in [part["name"] for part in data["parts"]]  # type: ignore[attr-defined]


def test_part_lists_every_figure_with_basis_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    _, data = report(capsys, "parts", "stm32h743")
    figures: list[dict[str, str]] = data["figures"]  # type: ignore[assignment]
    assert {figure["basis"] for figure in figures} == {"measured", "datasheet", "fitted", "assumed"}
    assert all(figure["source"] for figure in figures)


def test_explain_gives_each_site_its_counts_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = report(capsys, "explain", "sudoku9-mlp-int4")
    sites = {row["site"]: row for row in data["sites"]}  # type: ignore[attr-defined]
    assert code == 0
    calls = 2 * (2 + 1)
    assert sites["L.0.mlp.gate_up"]["macs_w4a8"] == calls * 81 * 512 * 96
    assert sites["L.0.mlp.gate_up"]["bound_by"] == "compute"


def test_six_commands_refuse_a_float_emulation_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.toml").write_text(DEFAULT.replace("w4c-a8-c16", "w4c-af-cf"))
    sentence = "w4c-af-cf is an emulation in float; it has no integer program, as w4c has."
    asked = [[command, "--weights", "w4c-af"] for command in ("run", "plan", "explain")]
    asked += [["export", str(tmp_path / "out"), "--weights", "w4c-af"]]
    asked += [["check", "mine", "--catalogue", str(tmp_path)]]
    for arguments in asked:
        assert main(arguments) == 2
        assert sentence in " ".join(capsys.readouterr().err.split()), arguments[0]
    assert refimpl(["quantize", "sudoku9-mlp", str(tmp_path / "image"), "--weights", "w4c-af"]) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_explain_counts_the_bytes_of_groups(capsys: pytest.CaptureFixture[str]) -> None:
    """One byte a group of 32 inputs comes with the rows of each tile: 3 in each of the head's 11 rows."""
    _, plain = report(capsys, "explain", "--weights", "w4c", "--model", "sudoku9-mlp")
    _, groups = report(capsys, "explain", "--weights", "w4g32", "--model", "sudoku9-mlp")
    heads = [next(s for s in data["sites"] if s["site"] == "lm_head") for data in (plain, groups)]  # type: ignore[attr-defined]
    assert heads[1]["weight_bytes"] - heads[0]["weight_bytes"] == 11 * 3
    total = [sum(s["weight_bytes"] for s in data["sites"]) for data in (plain, groups)]  # type: ignore[attr-defined]
    assert total[1] > total[0]


def test_explain_refuses_float_and_what_does_not_fit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "sudoku-mlp-fp32"]) == 2
    (tmp_path / "mine.toml").write_text(
        (SHIPPED / "deployments" / "maze-att-int4.toml").read_text().replace("generic-4mb", "rp2350")
    )
    assert main(["explain", "mine", "--catalogue", str(tmp_path)]) == 1
    assert "rp2350 holds no plan of mine" in capsys.readouterr().err


def test_deployments_lists_a_users_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine.toml").write_text(DEFAULT)
    _, data = report(capsys, "deployments", "--catalogue", str(tmp_path))
    assert "mine" in [row["name"] for row in data["deployments"]]  # type: ignore[attr-defined]
