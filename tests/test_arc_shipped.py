"""Claims on the public ARC tasks, where their file is: nothing that arc10-att learned from is a test, its
card holds, and the committed table is what the integer programs answer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mcusim.__main__ import main as mcusim
from workbench.cards import stated
from workbench.lab.report import read_tables
from workbench.lab.votes import asked_of
from workbench.main import main
from workbench.networks import find_network
from workbench.tasks.arc_rows import rows_of
from workbench.tasks.arc_views import Rows, demonstrations, pair_key, seen_in

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data" / "arc_agi1_training.json"
TABLE = ROOT / "results" / "votes-arc10.json"
NETWORK = "arc10-att"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason="the public ARC tasks do not ship"),
]


@pytest.fixture(scope="module")
def rows() -> Rows:
    network = find_network(NETWORK)
    assert network.folder is not None
    return rows_of(network.folder / "config.json", network.config, DATA)


def test_rows_are_those_of_178_tasks_and_no_pair_learned_from_is_a_view_of_a_test(rows: Rows) -> None:
    assert (len(rows.tasks), rows.count, rows.tests) == (178, 2848, 190)
    pairs = demonstrations(rows)
    tests = {pair_key(pair) for task in rows.tasks for pair in task.test}
    assert not tests & {pair_key(pair) for own in pairs for pair in own}
    pool, asked = seen_in(rows, pairs, rows.each, "pool"), asked_of(rows, rows.each)
    learned = {(a.tobytes(), b.tobytes()) for a, b in zip(pool.inputs, pool.labels, strict=True)}
    assert not learned & {(a.tobytes(), b.tobytes()) for a, b in zip(asked.inputs, asked.labels, strict=True)}


def voted(capsys: pytest.CaptureFixture[str], *more: str) -> list[str]:
    assert main(["arc", "vote", NETWORK, "--data", str(DATA), "--format", "json", *more]) == 0
    (row,) = json.loads(capsys.readouterr().out)["tables"][0]["rows"]
    return row


def test_the_card_holds(capsys: pytest.CaptureFixture[str]) -> None:
    network = find_network(NETWORK)
    assert network.folder is not None
    card, votes = stated(network.folder)
    own = float(voted(capsys, "--formats", "float", "--views", "1")[1]) / 100
    assert card.low <= own <= card.high
    (table,) = read_tables(TABLE)
    assert next(row for row in table.rows if row[0] == "float")[3] == f"{100 * votes.exact:.2f}"
    assert votes.low > 0


def test_the_committed_row_of_w8c_is_what_the_integer_program_votes(
    capsys: pytest.CaptureFixture[str]
) -> None:
    (table,) = read_tables(TABLE)
    assert voted(capsys, "--formats", "w8c") == list(next(row for row in table.rows if row[0] == "w8c"))


def test_a_run_streams_the_row_of_its_test_from_a_table_file_and_solves_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Test 93, task 8be77c9e: one read of 133 bytes, and the bits that the image gives."""
    tests, table = tmp_path / "tests.npz", tmp_path / "rows.table"
    assert main(["arc", "puzzles", NETWORK, str(tests), "--data", str(DATA)]) == 0
    assert main(["embeddings", "make", str(table), "--from", NETWORK, "--rows-format", "int8-q31"]) == 0
    found = []
    for more in ([], ["--table", str(table)]):
        capsys.readouterr()
        words = ["run", "--model", NETWORK, "--weights", "w8c", "--data", str(tests), "--puzzle", "93"]
        assert mcusim([*words, "--format", "json", *more]) == 0
        found.append(json.loads(capsys.readouterr().out))
    resident, streamed = found
    assert (streamed["total"]["table_reads"], streamed["total"]["table_bytes"]) == (1, 128 + 5)
    assert streamed["puzzle"]["right"] is True
    assert [one["crc32_H"] for one in streamed["cycles"]] == [one["crc32_H"] for one in resident["cycles"]]
