"""A run fits on one screen: verdict, accuracy and time on top, and no number is ever cut."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import pytest
from rich.progress import Progress
from rich.text import Text

from mcusim.__main__ import main
from mcusim.alternatives import alternatives
from mcusim.asked import Asked, words_of
from mcusim.build import Costs, flash_of, time_of
from mcusim.commands.run import report_of
from mcusim.deployments import deployment_names, load_deployment
from mcusim.laid import lay
from mcusim.render.screen import LINES, Screen
from refimpl.__main__ import main as refimpl_main
from refimpl.errors import InputError
from workbench.accuracies import FILE, Kept, program_of, read
from workbench.checkpoints import load_network
from workbench.command_line import plain
from workbench.json_lines import read_lines
from workbench.networks import find_network
from workbench.render.lines import Column, columns, fitted, sparkline, wrapped

WIDTHS = (60, 80, 100, 120)
NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def screen_of(asked: Asked) -> Screen:
    laid = lay(asked)
    return Screen(report_of(asked, laid, Progress(disable=True)), alternatives(asked, laid), words_of(asked))


def said(screen: Screen, width: int) -> list[str]:
    lines = [line.plain for line in screen.lines(width)]
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= width
    assert not [line for line in lines if "…" in line or "..." in line]
    return lines


@pytest.fixture(scope="module")
def default() -> Screen:
    return screen_of(Asked())


@pytest.fixture(scope="module")
def tight() -> Screen:
    return screen_of(Asked(budget="64KB", no_fidelity=True))


@pytest.mark.parametrize("width", WIDTHS)
def test_the_first_three_lines_have_the_verdict_the_accuracy_and_the_time(
    width: int, default: Screen
) -> None:
    head = "\n".join(said(default, width)[:3])
    found = default.report.all_puzzles
    assert found is not None
    assert found.stopping is not None
    assert "FITS  internal nvm + sram" in head
    share = 100 * found.exact_right / found.puzzles
    assert f"{share:.1f} % exact [{100 * found.exact_low:.1f}, {100 * found.exact_high:.1f}]" in head
    assert f"- {found.stopping.costs.mean.time.high:#.3g} s mean" in head
    assert default.report.kernels[0].kernel in head


@pytest.mark.parametrize("width", WIDTHS)
def test_what_does_not_fit_says_by_how_much_and_what_would(width: int, tight: Screen) -> None:
    lines = said(tight, width)
    missing = tight.report.budget.missing
    assert lines[1].startswith("DOES NOT FIT")
    assert f"{missing:,}" in lines[1]
    assert "KB is the smallest that holds everything." in " ".join(lines)


def test_every_number_of_a_narrow_screen_is_one_of_the_wide_screen(default: Screen, tight: Screen) -> None:
    """What finds no room goes whole; a number that is cut would be another number."""
    for screen in (default, tight):
        wide = set(NUMBER.findall("\n".join(said(screen, 120)).replace("report.html", "")))
        for width in WIDTHS[:-1]:
            assert set(NUMBER.findall("\n".join(said(screen, width)))) <= wide


@pytest.mark.slow
@pytest.mark.parametrize("name", deployment_names())
def test_every_shipped_deployment_fits_on_one_screen(name: str) -> None:
    if not load_deployment(name).format.integer:
        pytest.skip("float32: nothing is planned")
    screen = screen_of(Asked(name))
    for width in WIDTHS:
        said(screen, width)


def test_without_colour_and_without_unicode_it_says_the_same(
    default: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in said(default, 80):
        ascii_line = line.encode("ascii", errors="plain").decode()
        assert len(ascii_line) == len(line)
        assert "?" not in ascii_line


def test_a_stored_accuracy_belongs_to_one_program(default: Screen) -> None:
    """Other weights, formats, depths or stop rules are other programs: nothing is kept of them."""
    network = find_network("sudoku9-pair-mlp")
    rule = network.stop_rule("head+settled", "w4c-a8p16-c16")
    config = replace(network.config, stop=rule)
    assert network.folder is not None
    known = read(network.folder / FILE)
    image = network.image("w4c-a8p16-c16")
    assert program_of(image, config) in known
    touched = bytearray(image)
    touched[len(touched) // 2] ^= 1
    others = [program_of(bytes(touched), config), program_of(image, replace(config, halt_max_steps=15)),
              program_of(image, replace(config, stop=replace(rule, t=rule.t + 1)))]  # fmt: skip
    assert not set(others) & set(known)
    assert default.report.all_puzzles is not None
    assert default.report.all_puzzles.source == "kept"
    other = screen_of(Asked(steps=15, no_fidelity=True))
    assert other.report.all_puzzles is None
    assert "accuracy n/a (not measured)" in said(other, 80)[2]


def test_a_screen_reads_stored_accuracies_once_and_the_network_once_for_each_width(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines, weights = Mock(wraps=read_lines), Mock(wraps=load_network)
    monkeypatch.setattr("workbench.accuracies.read_lines", lines)
    monkeypatch.setattr("workbench.networks.load_network", weights)
    screen_of(Asked(no_fidelity=True))
    assert (lines.call_count, weights.call_count) == (1, 2)


def test_a_run_of_so_many_steps_costs_what_it_costs_by_itself() -> None:
    laid = lay(Asked(no_fidelity=True))
    assert laid.costs.of_steps(3) is laid.costs.of_steps(3)
    for steps in (16, 3):
        alone = Costs(laid.plan, laid.target)
        works = alone.of_runs([steps])
        assert laid.costs.of_steps(steps) == alone.of_steps(steps)
        assert alone.of_steps(steps).time == time_of(works)
        assert alone.of_steps(steps).flash_bytes == flash_of(works)


@pytest.mark.slow
def test_what_is_stored_is_what_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    found = []
    for more in ([], ["--all"]):
        assert main(["run", "--no-fidelity", "--format", "json", *more]) == 0
        found.append(json.loads(capsys.readouterr().out)["all_puzzles"])
    assert (found[0].pop("source"), found[1].pop("source")) == ("kept", "measured")
    assert found[0] == found[1]


def test_evaluate_keeps_what_run_then_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "mine"
    source = find_network("sudoku9-mlp").folder
    assert source is not None
    folder.mkdir()
    for path in source.iterdir():
        if path.name != FILE:
            (folder / path.name).write_bytes(path.read_bytes())
    depth = ["--H-cycles", "1", "--steps", "1"]
    run = ["run", "--model", str(folder), *depth, "--stop", "fixed", "--no-fidelity", "--format", "json"]
    main(run)
    assert json.loads(capsys.readouterr().out)["all_puzzles"] is None
    evaluated = ["evaluate", str(folder), "--formats", "w4c", *depth, "--keep", "--format", "json"]
    assert refimpl_main(evaluated) == 0
    row = json.loads(capsys.readouterr().out)["rows"][0]
    main(run)
    found = json.loads(capsys.readouterr().out)["all_puzzles"]
    assert found["source"] == "kept"
    assert found["exact_right"] == round(row["exact"] * row["puzzles"])
    assert found["cells_right"] == round(row["cell"] * found["cells"])
    assert found["copy_floor_cell"] == row["copy_floor_cell"]
    assert len((folder / FILE).read_text().splitlines()) == 1
    assert refimpl_main(evaluated) == 0
    assert len((folder / FILE).read_text().splitlines()) == 1


def test_keep_is_for_the_evaluation_set_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert refimpl_main(["evaluate", "sudoku9-mlp", "--keep", "--puzzles", "8"]) == 2
    assert "leave --puzzles" in capsys.readouterr().err


def kept(**changes: object) -> Kept:
    values: dict[str, object] = {
        "program": "p", "format": "w4c", "H_cycles": 1, "steps": 2, "stop": "fixed", "origin": "4 puzzles",
        "exact": "1100", "cells_right": 9, "cells": 12, "copied": 3,
    }  # fmt: skip
    return Kept(**(values | changes))  # type: ignore[arg-type]


def test_two_programs_are_paired_on_the_same_puzzles_alone() -> None:
    split = kept(exact="1010").against(kept())
    assert split is not None
    assert (split.only_first, split.only_second) == (1, 1)
    assert kept(origin="4 others").against(kept()) is None


def test_a_program_with_retries_is_another_and_keeps_the_steps_of_each_try() -> None:
    """Two of four puzzles were tried again: their steps add up to ``ended``, or the line is refused."""
    config = find_network("sudoku9-mlp").config
    assert program_of(b"image", config, 1) != program_of(b"image", config) == program_of(b"image", config, 0)
    once = kept(ended=(2, 2, 1, 2), accepted="1111")
    assert once.each_try == [(2,), (2,), (1,), (2,)]
    fields = {"ended": (2, 4, 1, 3), "accepted": "1101", "retries": 1, "tries": (2, 0, 2, 2, 1, 0, 2, 1)}
    assert kept(**fields).each_try == [(2, 0), (2, 2), (1, 0), (2, 1)]
    for wrong in ({"tries": (2, 0, 2, 2, 1, 0, 2, 2)}, {"tries": (2, 0)}, {"retries": 3},
                  {"tries": (3, -1, 2, 2, 1, 0, 2, 1)}):  # fmt: skip
        with pytest.raises(InputError, match="tries must have 1"):
            kept(**(fields | wrong))


def test_the_longest_wording_that_has_room_is_taken_and_a_unit_stays_with_its_number() -> None:
    assert fitted(5, Text("longer"), Text("short"))[0].plain == "short"
    lines = wrapped(Text("needs 1,234 KiB of room"), 10, 2)
    assert [line.plain for line in lines] == ["needs", "  1,234 KiB", "  of room"]


def test_columns_without_room_go_whole() -> None:
    found = (Column("a", ["1"]), Column("bb", ["22"], rank=1), Column("ccc", ["333"], rank=2))
    assert [line.plain for line in columns(10, found)] == ["a  bb  ccc", "1  22  333"]
    assert [line.plain for line in columns(9, found)] == ["a  bb", "1  22"]


def test_a_sparkline_shows_the_worst_of_each_group() -> None:
    assert sparkline([0.0, 1.0], 8) == "▁█"
    assert sparkline([1.0, 0.0, 1.0, 1.0], 2) == "▁█"
    assert plain(UnicodeEncodeError("ascii", "▁█", 0, 2, ""))[0] == "_#"
