"""The numbers that plans and sizes take from the kernels are those of the C text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from mcusim import kernels
from mcusim.export.bundle import ROOMS
from mcusim.export.sources import FIRMWARE
from refimpl.formats import parse_format
from workbench.networks import find_network

# File, what it says, and the number of mcusim/kernels.py.
SAID = [
    ("rr_dot.h", r"RR_DOT_ROWS = (\d+)", kernels.DOT_ROWS),
    ("rr_dot.h", r"RR_STAGED_ROW = RR_MAX_K \+ (\d+),", kernels.STAGE_END),
    ("rr_block_rows.h", r"RR_BLOCK_ROWS = (\d+),", kernels.ONLINE_ROWS),
    ("rr_block_rows.h", r"RR_PIECE = RR_MAX_K < (\d+) \? RR_MAX_K : \1,", kernels.PIECE),
    ("rr_block_rows.h", r"WIDE_PIECE = RR_STAGED_KEYS < (\d+) \? RR_STAGED_KEYS : \1,", kernels.WIDE_PIECE),
    ("rr_tile_online.c", r"RR_MX_ROWS = (\d+),", kernels.MX_ROWS),
    ("rr_tile_online.c", r"RR_VALUES = (\d+) \* RR_QUANTIZED_K", kernels.QUANTIZED_ROWS),
]  # fmt: skip


@pytest.mark.parametrize(("file", "said", "number"), SAID)
def test_the_c_text_has_the_number(file: str, said: str, number: int) -> None:
    assert [int(found) for found in re.findall(said, (FIRMWARE / file).read_text())] == [number]


def test_columns_staged_at_once_are_those_of_the_header() -> None:
    assert "RR_STAGED_KEYS = RR_MAX_K / 2 / 16 * 16," in (FIRMWARE / "rr_dot.h").read_text()
    assert [kernels.Rooms(staged, 0).columns for staged in (64, 95, 96, 512)] == [32, 32, 48, 256]


def test_a_sum_of_a_wide_piece_keeps_to_32_bits() -> None:
    """Activations of 16 bits by weights of 8 bits less a zero point of 8 bits."""
    assert kernels.WIDE_PIECE * 2**15 * 255 < 2**31


def test_the_rooms_stand_in_the_header_that_an_export_fills_in() -> None:
    text = (FIRMWARE / "rr_dot.h").read_text()
    assert [text.count(line) for line in ROOMS] == [1, 1]


@pytest.mark.parametrize("spelled", ["w4c", "w4g32", "w8c-a8d", "w4c-amx"])
def test_a_staged_row_holds_the_query_of_a_wide_head(spelled: str) -> None:
    """Scores stage whole queries whatever the weights' format, even one head of 768 channels."""
    config = find_network("sudoku9-att").config
    wide = replace(config, hidden_size=768, num_heads=1, channel_intermediate_size=256)
    assert kernels.rooms_of(wide, parse_format(spelled)).staged >= wide.head_dim == 768
