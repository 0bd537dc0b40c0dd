"""The one door in: what it refuses by size, depth, number and name, and what it lets pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from refimpl.errors import InputError
from workbench.files.fields import Fields
from workbench.files.inputs import parse_json, read_bytes, read_text


@pytest.mark.parametrize(("text", "sentence"), [
    ('{"a": 1, "b": 2, "a": 1}', "it has the key 'a' twice"),
    ("[1e999]", "it holds 1e999; a number must be finite"),
    ("[NaN]", "it holds NaN"),
    ("[9223372036854775808]", "integers have up to 63 bits"),
    ("[" * 40 + "]" * 40, "nested more than 32 deep"),
])  # fmt: skip
def test_json_that_no_file_of_ours_has_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_json(text, "it")
    assert sentence in str(caught.value)


def test_a_file_of_the_limit_is_read_and_one_byte_more_refused(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"12345")
    assert read_bytes(path, most=5) == b"12345"
    with pytest.raises(InputError, match="has 5 bytes; 4 are the limit"):
        read_bytes(path, most=4)


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbfpuzzle,solution\n")
    assert read_text(path) == "puzzle,solution\n"


def test_a_number_is_no_truth_and_keeps_its_limits() -> None:
    fields = Fields("it", {"a": True, "b": 7})
    with pytest.raises(InputError, match="a is True; it must be a whole number"):
        fields.whole("a")
    assert fields.whole("b", 1, 7) == 7
    with pytest.raises(InputError, match="b is 7; it must be at most 6"):
        fields.whole("b", 1, 6)
    with pytest.raises(InputError, match="b is 7; it must be at least 8"):
        fields.whole("b", 8)
