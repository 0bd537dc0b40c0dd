"""Quantities as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mcusim.units import (
    format_bytes,
    format_joules,
    format_seconds,
    format_times,
    parse_bytes,
    parse_hertz,
    parse_rate,
)
from refimpl.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("4MB", 4_194_304), ("4MiB", 4_194_304), ("4 MB", 4_194_304), ("4mb", 4_194_304), ("4M", 4_194_304),
        ("64KB", 65_536), ("64KiB", 65_536), ("1.5MB", 1_572_864), ("4194304", 4_194_304),
        ("4194304 B", 4_194_304),
        ("1GB", 1_073_741_824), ("0.5KB", 512),
    ],
)  # fmt: skip
def test_a_memory_size_is_a_power_of_two_in_every_spelling(text: str, expected: int) -> None:
    assert parse_bytes(text) == expected


@pytest.mark.parametrize(
    "text",
    ["banana", "", "-4MB", "4TB", "MB", "4 MB extra", "0", "0MB", "0.3KB", "nan", "1e6", "٤MB", "9" * 5000],
)
def test_a_bad_size_gets_a_sentence_with_examples(text: str) -> None:
    with pytest.raises(InputError, match=r"4MB, 64KB or 4194304 \(bytes\)\.$"):
        parse_bytes(text, "--budget")


@given(st.integers(1, 2**40))
def test_bytes_written_without_a_unit_come_back(count: int) -> None:
    assert parse_bytes(str(count)) == count


def test_a_size_is_printed_with_its_exact_bytes() -> None:
    assert format_bytes(2_514_433) == "2,455.5 KiB (2,514,433 B)"
    assert format_bytes(104_265_728) == "99.44 MiB (104,265,728 B)"
    assert format_bytes(-2048) == "-2.0 KiB (-2,048 B)"


def test_clocks_and_rates_are_decimal() -> None:
    assert parse_hertz("480 MHz") == 480e6
    assert parse_hertz("1GHz") == 1e9
    assert parse_rate("66.5 MB/s") == 66.5e6


@pytest.mark.parametrize(
    ("parse", "text"), [(parse_hertz, "480 mhz"), (parse_hertz, "0 MHz"), (parse_rate, "40 MiB/s")]
)
def test_a_wrong_unit_gets_a_sentence(parse: object, text: str) -> None:
    with pytest.raises(InputError, match="write for example"):
        parse(text, "memory[0].read")  # type: ignore[operator]


def test_times_have_three_digits() -> None:
    assert [format_seconds(s) for s in (7.4e-7, 0.013, 2.414, 215.3)] == [
        "0.74 us",
        "13 ms",
        "2.41 s",
        "215 s",
    ]


def test_both_ends_of_a_range_have_the_unit_of_the_high_one() -> None:
    assert format_times(0.9, 1.5) == "0.900 - 1.50 s"
    assert format_times(7.4e-7, 0.013) == "0.000740 - 13.0 ms"
    assert format_times(950.0, 1600.0) == "15.8 - 26.7 min"
    assert format_times(2.0, 2.0) == "2.00 s"
    assert format_joules(0.035, 0.29) == "0.035 - 0.29 J"
    assert format_joules(0.0121, 0.0968) == "12 - 97 mJ"
