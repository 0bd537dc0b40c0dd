"""External memory: burst times and the logged row reads."""

from __future__ import annotations

import numpy as np
import pytest

from mcusim.flash import Extent, FlashInterface, FlashLog, FlashRows, streamed
from refimpl import fast
from refimpl.image import Image
from refimpl.model_image import from_image
from refimpl.params import RowTable
from workbench.networks import find_network

QSPI_80 = FlashInterface(80e6, 4, 1, 12, 4096, "dma")
QSPI_133 = FlashInterface(133e6, 4, 1, 12, 4096, "dma")
OCTAL_200 = FlashInterface(200e6, 8, 2, 20, 4096, "dma")
WIDE_200 = FlashInterface(200e6, 16, 2, 20, 4096, "dma")


@pytest.mark.parametrize(
    ("bus", "peak", "line_us", "row_us"),
    [
        (QSPI_80, 40, 0.95, 13.0),
        (QSPI_133, 66.5, 0.57, 7.8),
        (OCTAL_200, 400, 0.18, 1.4),
        (WIDE_200, 800, 0.14, 0.74),
    ],
)
def test_burst_times_are_the_published_table(
    bus: FlashInterface, peak: float, line_us: float, row_us: float
) -> None:
    assert bus.peak == peak * 1e6
    assert bus.time_s(32, 32) * 1e6 == pytest.approx(line_us, abs=0.006)
    assert bus.time_s(512, 512) * 1e6 == pytest.approx(row_us, rel=0.02)


def test_a_pico_streams_25_and_reads_14_megabytes_a_second_by_cache_line() -> None:
    bus = FlashInterface(50e6, 4, 1, 13, 8, "xip")
    assert bus.peak == 25e6
    assert 8 / bus.time_s(8) == pytest.approx(14e6, rel=0.02)


def test_each_burst_pays_its_overhead_again() -> None:
    assert QSPI_80.bursts(4097) == 2
    assert QSPI_80.time_s(8192) == pytest.approx((2 * 12 + 2 * 8192) / 80e6, rel=1e-12)
    assert QSPI_80.bursts(0) == 0


def test_flash_rows_return_the_tables_codes_and_log_every_read() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(-127, 128, (7, 512)).astype(np.int8)
    table = RowTable("embed", codes, np.arange(7, dtype=np.int32), -np.arange(7, dtype=np.int32), "double")
    log = FlashLog()
    rows = FlashRows(table, OCTAL_200, log, (Extent(1000, 517, 517),))
    wanted = np.array([[3, 0], [6, 3]])
    for ours, theirs in zip(rows.rows(wanted), table.rows(wanted), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert [read.offset for read in log.reads] == [1000 + 3 * 517, 1000, 1000 + 6 * 517, 1000 + 3 * 517]
    assert (log.bytes, log.bursts) == (4 * 517, 4)
    assert log.seconds == pytest.approx(4 * (20 + 517 / 2) / 200e6, rel=1e-12)


def test_rows_streamed_from_an_image_give_the_same_input_and_the_logged_bytes_hold_the_codes() -> None:
    data = find_network("sudoku9-mlp").image("w4c")
    image = Image(data)
    model, log = from_image(image), FlashLog()
    tokens = np.arange(81)[None] % 10 + 1
    embedding = streamed(model.embedding, QSPI_133, log, image)
    expected = fast.embed(tokens, None, model.embedding)
    np.testing.assert_array_equal(fast.embed(tokens, None, embedding), expected)
    codes = [read for read in log.reads if read.bytes == 96]
    assert len(log.reads) == 81 * 3
    assert log.bytes == 81 * (96 + 4 + 1)
    for token, read in zip(tokens[0], codes, strict=True):
        stored = np.frombuffer(data[read.offset : read.offset + read.bytes], np.int8)
        np.testing.assert_array_equal(stored, model.embedding.tokens.codes[token])
