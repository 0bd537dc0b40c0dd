"""A search that was done before is not done again, and never for another question."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mcusim.kernels import rooms_of
from mcusim.parts import load_part
from mcusim.planner import kept, search
from mcusim.planner.target import Target, target_of
from mcusim.program import kernels_of, program_of
from refimpl.formats import parse_format
from workbench.networks import find_network

CONFIG = find_network("sudoku6-mlp").config
FORMAT = parse_format("w4c-a8-c16")


def target(part: str = "stm32h743") -> Target:
    found = load_part(part, None)
    return target_of(found, 100_000, program_of(found, kernels_of(CONFIG, FORMAT), rooms_of(CONFIG, FORMAT)))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept, "folder_of", lambda packages: str(tmp_path))
    return tmp_path


def test_a_search_taken_from_the_disk_gives_the_same_front(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = search.search(CONFIG, FORMAT, target())
    assert len(list(folder.iterdir())) == 1
    monkeypatch.setattr(search, "_estimates", lambda *_: pytest.fail("counted again"))
    again = search.search(CONFIG, FORMAT, target())
    assert [plan.choices for plan in again.front] == [plan.choices for plan in first.front]
    assert again.chosen is not None
    assert first.chosen is not None
    assert again.chosen.choices == first.chosen.choices
    assert any(plan is again.chosen for plan in again.front)
    assert again.least.high_water == min(plan.high_water for plan in again.front)


def test_another_model_format_part_or_source_is_another_question(folder: Path) -> None:
    part = target().part
    slower = replace(target(), part=replace(part, clock=replace(part.clock, value=part.clock.value / 2)))
    places = [
        kept.place(CONFIG, FORMAT, target()),
        kept.place(replace(CONFIG, L_cycles=CONFIG.L_cycles + 1), FORMAT, target()),
        kept.place(CONFIG, parse_format("w8c-a8-c16"), target()),
        kept.place(CONFIG, FORMAT, target("rp2350")),
        kept.place(CONFIG, FORMAT, slower),
    ]
    assert len(set(places)) == len(places)
    assert {"mcusim", "mcusim.planner", "workbench", "refimpl.models"} <= set(kept.SOURCES)


@pytest.mark.parametrize("content", ["", "{", '{"estimates": 3}', '{"estimates": [[1, 2, 3, 4]]}',
                                     '{"estimates": [["96x224/96 81x256/81", 1, 2]]}'])  # fmt: skip
def test_a_damaged_file_is_counted_again_and_written_anew(folder: Path, content: str) -> None:
    first = search.search(CONFIG, FORMAT, target())
    (path,) = folder.iterdir()
    whole = path.read_text()
    path.write_text(content)
    again = search.search(CONFIG, FORMAT, target())
    assert [plan.choices for plan in again.front] == [plan.choices for plan in first.front]
    assert path.read_text() == whole


def test_the_oldest_searches_give_way(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "MOST", 2)
    for i in range(4):
        kept.keep(folder / f"{i}.json", [])
    assert len(list(folder.iterdir())) == 2


def test_without_a_place_to_write_every_search_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "folder_of", lambda packages: None)
    assert search.search(CONFIG, FORMAT, target()).chosen is not None
