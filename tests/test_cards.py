"""Claims: a card that ships names its set and holds; a damaged one is named, with what it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from refimpl.__main__ import main
from refimpl.errors import InputError
from workbench.cards import stated
from workbench.checkpoints import list_networks
from workbench.networks import find_network
from workbench.tasks.arc_rows import PUZZLE_ROWS
from workbench.tasks.sets import CARD_SEED, HeldOut, has_generator


@pytest.mark.parametrize("name", list_networks())
def test_every_shipped_card_states_a_set_that_can_be_drawn_again_or_names_its_tasks(name: str) -> None:
    folder = find_network(name).folder
    assert folder is not None
    for card in stated(folder):
        assert card.held_out is None or card.held_out.seed == CARD_SEED
        assert card.low <= card.exact <= card.high
    assert stated(folder)
    drawn = any(card.held_out is not None for card in stated(folder))
    assert drawn or json.loads((folder / "config.json").read_text())[PUZZLE_ROWS]


@pytest.mark.slow
@pytest.mark.parametrize("name", list_networks())
def test_every_shipped_card_holds_on_its_first_puzzles(name: str) -> None:
    if not has_generator(find_network(name).config):
        pytest.skip("its puzzles are those of a file that does not ship; test_arc_shipped.py")
    count = "64" if find_network(name).config.hidden_size < 512 else "16"
    assert main(["evaluate", name, "--puzzles", count, "--formats", "float"]) == 0


@pytest.mark.parametrize(("card", "said"), [
    ({"held_out": 128}, "must map sets to figures"),
    ({"held_out": {"32 givens": {"givens": 32, "seed": 1, "puzzles": 5, "exact": 0.5}}}, "exact_interval_95"),
    ({"held_out": {"none": {"givens": 0, "seed": 1, "puzzles": 5}}}, "at least 1"),
])
def test_a_damaged_card_is_named_with_what_it_needs(tmp_path: Path, card: dict, said: str) -> None:
    (tmp_path / "config.json").write_text(json.dumps(card))
    with pytest.raises(InputError, match=said):
        stated(tmp_path)


def test_a_card_without_figures_states_nothing(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    assert stated(tmp_path) == ()


def test_a_held_out_set_has_one_difficulty() -> None:
    for wrong in ({}, {"givens": 30, "minimum_path": 16}):
        with pytest.raises(InputError, match="either givens or a shortest path"):
            HeldOut(**wrong)


def test_the_list_shows_every_network_with_its_first_figure(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", "--list", "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)["networks"]
    assert [row["network"] for row in rows] == list_networks()
    assert main(["evaluate", "--list"]) == 0
    printed = capsys.readouterr().out
    for row in rows:
        assert row["network"] in printed
        assert all(figure.split()[0] in printed for figure in row["cards"][:1])
