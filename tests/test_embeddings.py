"""Puzzle rows on disk: exact sizes, one read a row, the bits of a resident table."""

from __future__ import annotations

import argparse
import json
import mmap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compare import assert_exact, assert_within
from reasoners import puzzles

from mcusim.flash import Batch, FlashInterface, FlashLog, FlashRead
from refimpl import fast, float_ops, ops
from refimpl.errors import InputError
from refimpl.float_params import input_scale
from refimpl.models.config import ModelConfig
from refimpl.models.operators import Operators
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.lower import lower
from workbench.checkpoints.npz import write_npz
from workbench.embeddings import (
    FloatRows,
    IntegerRows,
    RowRead,
    open_table,
    parse_row_format,
    seeded_source,
    with_table,
    write_table,
)
from workbench.embeddings.cli import add_arguments
from workbench.embeddings.cli import run as command
from workbench.embeddings.quality import cosines, row_cosines, table_source
from workbench.embeddings.write import from_array, meta_path
from workbench.presets import preset
from workbench.seeded import seeded_model, seeded_tensors
from workbench.sites import calibrate

ROWS, HIDDEN = 40, 32
FORMATS = ("fp32", "int8", "int8-q31", "svd8")
CONFIG = replace(
    preset("trm-att-sudoku"), seq_len=9, hidden_size=HIDDEN, num_heads=2, channel_intermediate_size=64,
    puzzle_emb_len=3, num_puzzle_identifiers=ROWS, H_cycles=1, L_cycles=2, halt_max_steps=2,
)  # fmt: skip
SCALE = input_scale(CONFIG)
TABLE = seeded_tensors(CONFIG)["inner.puzzle_emb.weights"]


def make(folder: Path, fmt: str, rows: int = ROWS) -> Path:
    path = folder / f"table.{fmt}"
    write_table(path, seeded_source(rows, HIDDEN), parse_row_format(fmt), SCALE)
    return path


def models() -> tuple[Model, Model]:
    """Float and integer, both with the whole table resident."""
    model = seeded_model(CONFIG)
    return model, lower(model, "w8c", calibrate(model, puzzles(CONFIG, 2), np.array([3, 17])))


# --- sizes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fmt", "row", "file"), [
    ("fp32", 2_048, 104_265_728),
    ("int8", 512 + 4, 50_911 * 512 + 50_911 * 4),
    ("int8-q31", 512 + 5, 50_911 * 517),
    ("svd16", 64, (50_911 * 16 + 512 * 16) * 4),
])  # fmt: skip
def test_the_arc_table_has_the_published_sizes(fmt: str, row: int, file: int) -> None:
    stored = parse_row_format(fmt)
    assert (stored.row_bytes(512), stored.file_bytes(50_911, 512)) == (row, file)


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_file_is_its_rows_and_nothing_else(tmp_path: Path, fmt: str) -> None:
    assert make(tmp_path, fmt).stat().st_size == parse_row_format(fmt).file_bytes(ROWS, HIDDEN)


@pytest.mark.slow
def test_the_full_arc_table_is_the_published_file(tmp_path: Path) -> None:
    path = tmp_path / "arc"
    config = preset("trm-att-arc")
    source = seeded_source(config.num_puzzle_identifiers, config.hidden_size)
    write_table(path, source, parse_row_format("fp32"), input_scale(config))
    assert path.stat().st_size == 104_265_728
    table = open_table(path)
    table.values(50_910)
    assert table.reads == [RowRead("arc", 50_910, 104_265_728 - 2_048, 2_048)]


# --- reads ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", FORMATS[:3])
def test_a_row_is_one_read_of_exactly_its_bytes(tmp_path: Path, fmt: str) -> None:
    heard: list[RowRead] = []
    table = open_table(make(tmp_path, fmt), heard.append)
    size = table.format.row_bytes(HIDDEN)
    assert table.reads == []
    table.values(7)
    assert table.reads == heard == [RowRead(f"table.{fmt}", 7, 7 * size, size)]


def test_an_svd_row_reads_the_shared_factor_once(tmp_path: Path) -> None:
    table = open_table(make(tmp_path, "svd8"))
    for row in (3, 4):
        table.values(row)
    name, size, shared = "table.svd8", 8 * 4, 8 * HIDDEN * 4
    assert table.reads == [
        RowRead(name, 3, 3 * size, size),
        RowRead(name, None, ROWS * size, shared),
        RowRead(name, 4, 4 * size, size),
    ]


def test_no_byte_outside_the_row_matters(tmp_path: Path) -> None:
    """The row read is the same when every other byte of the file is turned over."""
    path = make(tmp_path, "int8-q31")
    before = IntegerRows(open_table(path)).rows(np.array([11]))
    content, size = bytearray(path.read_bytes()), HIDDEN + 5
    for at in [*range(11 * size), *range(12 * size, len(content))]:
        content[at] ^= 255
    path.write_bytes(content)
    for old, new in zip(before, IntegerRows(open_table(path)).rows(np.array([11])), strict=True):
        assert_exact(new, old)


def test_opening_maps_the_file_and_reads_no_row(tmp_path: Path) -> None:
    table = open_table(make(tmp_path, "fp32"))
    assert isinstance(table.data, mmap.mmap)
    assert table.reads == []


@pytest.mark.parametrize("row", [-1, ROWS])
def test_a_row_that_is_not_there_is_refused(tmp_path: Path, row: int) -> None:
    with pytest.raises(InputError, match=rf"has rows 0 to {ROWS - 1}; there is no row {row}"):
        open_table(make(tmp_path, "fp32")).values(row)


# --- the same bits as a resident table -------------------------------------------------------------------


def test_fp32_rows_are_the_float_model_s_own(tmp_path: Path) -> None:
    resident = seeded_model(CONFIG).embedding.puzzles
    ids = np.array([[0, 39], [7, 7]])
    streamed = FloatRows(open_table(make(tmp_path, "fp32"))).rows(ids)
    assert streamed.dtype == np.float32
    assert_exact(streamed.view(np.int32), resident.rows(ids).view(np.int32))


@pytest.mark.parametrize("fmt", ["fp32", "int8-q31"])
def test_integer_rows_are_the_lowered_model_s_own(tmp_path: Path, fmt: str) -> None:
    """Stored as multiplier and shift, or quantized as they are read: either way the lowered table."""
    _, integer = models()
    ids = np.arange(ROWS)
    found = IntegerRows(open_table(make(tmp_path, fmt))).rows(ids)
    for mine, resident in zip(found, integer.embedding.puzzles.rows(ids), strict=True):
        assert mine.dtype == resident.dtype
        assert_exact(mine, resident)


@pytest.mark.parametrize("fmt", ["fp32", "int8-q31"])
@pytest.mark.parametrize("reading", [ops, fast], ids=["numpy", "numba"])
def test_an_integer_run_reads_one_row_a_puzzle_and_keeps_every_bit(
    tmp_path: Path, reading: Operators, fmt: str
) -> None:
    _, integer = models()
    tokens, ids = puzzles(CONFIG, 2), np.array([5, 31])
    table = open_table(make(tmp_path, fmt))
    carry, outputs = run(reading, with_table(integer, table), tokens, ids)
    expected, expected_outputs = run(reading, integer, tokens, ids)
    assert_exact(carry.z_H, expected.z_H)
    assert_exact(carry.z_L, expected.z_L)
    assert_exact(outputs.logits, expected_outputs.logits)
    size = table.record.itemsize
    assert [(read.offset, read.bytes) for read in table.reads] == [(5 * size, size), (31 * size, size)]


def test_a_float_run_reads_one_row_a_puzzle_and_keeps_every_bit(tmp_path: Path) -> None:
    model, _ = models()
    tokens, ids = puzzles(CONFIG, 2), np.array([5, 31])
    table = open_table(make(tmp_path, "fp32"))
    carry, _ = run(float_ops, with_table(model, table), tokens, ids)
    expected, _ = run(float_ops, model, tokens, ids)
    assert_exact(carry.z_H.view(np.int32), expected.z_H.view(np.int32))
    assert [read.row for read in table.reads] == [5, 31]


def test_the_row_matters_to_the_answer(tmp_path: Path) -> None:
    _, integer = models()
    streamed = with_table(integer, open_table(make(tmp_path, "int8-q31")))
    tokens = puzzles(CONFIG, 1)
    one, other = (run(fast, streamed, tokens, np.array([i]))[1].logits for i in (5, 31))
    assert not np.array_equal(one, other)


def test_a_model_built_with_one_row_takes_a_table_of_many(tmp_path: Path) -> None:
    """How a full-size model runs without ever holding the table."""
    small = seeded_model(replace(CONFIG, num_puzzle_identifiers=1))
    whole, _ = models()
    streamed = with_table(small, open_table(make(tmp_path, "fp32")))
    assert streamed.config.num_puzzle_identifiers == ROWS
    tokens, ids = puzzles(CONFIG, 1), np.array([31])
    found, expected = run(float_ops, streamed, tokens, ids)[0], run(float_ops, whole, tokens, ids)[0]
    assert_exact(found.z_H.view(np.int32), expected.z_H.view(np.int32))


# --- what formats lose ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fmt", "worst"), [("int8", 0.5), ("int8-q31", 0.5)])
def test_an_int8_row_is_off_by_half_a_step_at_most(tmp_path: Path, fmt: str, worst: float) -> None:
    table = open_table(make(tmp_path, fmt))
    for i, row in enumerate(TABLE):
        step = np.abs(row).max() / 127
        assert_within(table.values(i), row, worst * step * (1 + 1e-5))


def test_an_svd_table_is_the_best_of_its_rank(tmp_path: Path) -> None:
    table = open_table(make(tmp_path, "svd8"))
    found = np.stack([table.values(i) for i in range(ROWS)]).astype(np.float64)
    u, s, vt = np.linalg.svd(TABLE.astype(np.float64), full_matrices=False)
    assert_within(found, (u[:, :8] * s[:8]) @ vt[:8], 1e-6)
    assert np.linalg.matrix_rank(found, tol=1e-4) == 8


@pytest.mark.parametrize("rank", [1, 8, HIDDEN])
def test_the_cosine_of_a_rank_is_that_of_its_rows(tmp_path: Path, rank: int) -> None:
    fmt = parse_row_format(f"svd{rank}")
    path = tmp_path / fmt.name
    write_table(path, seeded_source(ROWS, HIDDEN), fmt, SCALE)
    table = open_table(path)
    direct = row_cosines(TABLE, np.stack([table.values(i) for i in range(ROWS)]))
    int8, svd = cosines(from_array(TABLE, "given"), (rank,))
    assert_within([svd.mean, svd.least], [direct.mean(), direct.min()], 1e-6)
    assert (int8.format, svd.format) == ("int8", f"svd{rank}")
    assert 0.9999 < int8.mean <= 1


def test_a_table_of_low_rank_loses_nothing_at_that_rank() -> None:
    rng = np.random.default_rng(90)
    low = rng.standard_normal((50, 3)) @ rng.standard_normal((3, 16))
    _, two, three = cosines(from_array(low.astype(np.float32), "low"), (2, 3))
    assert three.least > 1 - 1e-6
    assert two.least < 0.99


def test_a_row_of_zeros_counts_as_kept() -> None:
    rows = np.zeros((2, 4), np.float32)
    rows[0] = 1
    assert [c.least for c in cosines(from_array(rows, "given"), (1,))] == [pytest.approx(1)] * 2


def test_a_seeded_table_says_so_and_a_given_one_says_whose_it_is(tmp_path: Path) -> None:
    assert open_table(make(tmp_path, "fp32")).meta.label == "seeded table, seed 0"
    write_table(tmp_path / "given", from_array(TABLE, "mine"), parse_row_format("fp32"), SCALE)
    assert table_source(open_table(tmp_path / "given")).label == "mine"


# --- files that do not belong together ----------------------------------------------------------------------


def test_a_truncated_table_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, "fp32")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"has 5,119 bytes; 40 rows of 32 values as fp32 are 5,120"):
        open_table(path)


def test_a_table_without_its_description_is_refused(tmp_path: Path) -> None:
    path = make(tmp_path, "fp32")
    meta_path(path).unlink()
    with pytest.raises(InputError, match=r"needs table\.fp32\.json beside it"):
        open_table(path)


@pytest.mark.parametrize(("key", "value"), [
    ("rows", -1), ("hidden", "32"), ("input_scale", 0.0), ("schema", "other"), ("format", "fp16"),
    ("extra", 1),
])  # fmt: skip
def test_a_wrong_description_is_refused(tmp_path: Path, key: str, value: object) -> None:
    path = make(tmp_path, "fp32")
    description = json.loads(meta_path(path).read_text()) | {key: value}
    meta_path(path).write_text(json.dumps(description))
    with pytest.raises(InputError):
        open_table(path)


def test_a_table_for_another_model_is_refused(tmp_path: Path) -> None:
    model, _ = models()
    other: ModelConfig = replace(CONFIG, pos_encodings="learned")
    table = open_table(make(tmp_path, "fp32"))
    with pytest.raises(InputError, match=r"input scale 5\.65685; this model needs 32 values for 4"):
        with_table(replace(model, config=other), table)


def test_a_model_without_prefix_takes_no_table(tmp_path: Path) -> None:
    model = seeded_model(replace(CONFIG, puzzle_emb_len=0))
    with pytest.raises(InputError, match="reads no puzzle rows"):
        with_table(model, open_table(make(tmp_path, "fp32")))


def test_nothing_appears_when_a_table_cannot_be_made(tmp_path: Path) -> None:
    bad = TABLE.copy()
    bad[-1, 0] = np.nan
    with pytest.raises(InputError, match="not finite"):
        write_table(tmp_path / "bad", from_array(bad, "bad"), parse_row_format("fp32"), SCALE)
    with pytest.raises(InputError, match="no rank 33"):
        write_table(tmp_path / "bad", from_array(TABLE, "bad"), parse_row_format("svd33"), SCALE)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["svd0", "fp33", "int4"])
def test_an_unknown_row_format_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="row format"):
        parse_row_format(name)


# --- the command ------------------------------------------------------------------------------------------


def call(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return command(parser.parse_args([str(a) for a in arguments]))


def test_make_info_and_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t"
    assert call("make", path, "--rows", 20, "--seed", 4) == 0
    assert "20 rows of 512 as fp32, 40,960 bytes (seeded table, seed 4)" in capsys.readouterr().out
    assert call("info", path, "--ranks", 2, 16, "--format", "json") == 0
    facts = json.loads(capsys.readouterr().out)
    assert [entry["format"] for entry in facts["formats"]] == ["int8", "svd2", "svd16"]
    assert facts["label"] == "seeded table, seed 4"
    assert call("row", path, 19, "--format", "json") == 0
    assert json.loads(capsys.readouterr().out)["reads"] == [
        {"table": "t", "row": 19, "offset": 19 * 2048, "bytes": 2048}
    ]
    assert call("info", path) == call("row", path, 3) == 0
    assert "formats (seeded table, seed 4)" in capsys.readouterr().out


def test_make_takes_the_rows_of_a_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    network = tmp_path / "net"
    network.mkdir()
    write_npz(network / "weights.npz", seeded_tensors(CONFIG, seed=9))
    (network / "config.json").write_text(json.dumps(CONFIG.to_dict()))
    assert call("make", tmp_path / "t", "--from", network) == 0
    table = open_table(tmp_path / "t")
    assert (table.meta.rows, table.meta.hidden, table.meta.label) == (ROWS, HIDDEN, "net")
    assert table.meta.input_scale == SCALE
    assert_within(table.values(39), seeded_tensors(CONFIG, seed=9)["inner.puzzle_emb.weights"][39], 0)


def test_a_device_s_memory_can_time_each_read_as_it_happens(tmp_path: Path) -> None:
    """Single lane at 50 MHz, 32-byte bursts of 40 overhead clocks: 37 bytes are two bursts, 376 clocks."""
    memory, log = FlashInterface(50e6, 1, 1, 40, 32, "dma"), FlashLog()

    def charge(read: RowRead) -> None:
        size = read.bytes
        offsets = np.array([read.offset], np.int64)
        log.batches.append(Batch(read.table, offsets, size, memory.bursts(size), memory.time_s(size)))

    open_table(make(tmp_path, "int8-q31"), charge).values(2)
    assert log.reads == [FlashRead("table.int8-q31", 74, 37, 2, pytest.approx((2 * 40 + 37 * 8) / 50e6))]
