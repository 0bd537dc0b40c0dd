"""A format has one spelling; what is read may leave parts out, what is printed does not."""

from __future__ import annotations

import argparse

import pytest

from refimpl.errors import InputError
from refimpl.formats import FLOAT32, FORMATS, parse_format, parse_weights
from workbench.format_flags import add_format_flags, stated_format


@pytest.mark.parametrize(("read", "printed"), [
    ("w4c", "w4c-a8-c16"),
    ("w4g32-a8-c16", "w4g32-a8-c16"),
    ("w8c-a16-c8", "w8c-a16-c8"),
    ("w8c-c8-a16", "w8c-a16-c8"),
    ("w8c-single", "w8c-a8-c16-single"),
    ("w8c-double", "w8c-a8-c16"),
    ("w4c-af", "w4c-af-cf"),
    ("w4c-a8-cf", "w4c-a8-cf"),
    ("fp32", "fp32"),
    ("fp32-a8", "fp32-a8-cf"),
    ("noise0.05", "noise0.05-af-cf"),
    ("w4c+lm_head=w8c", "w4c-a8-c16+lm_head=w8c"),
])  # fmt: skip
def test_what_is_printed_reads_as_the_same_value(read: str, printed: str) -> None:
    assert str(parse_format(read)) == printed
    assert parse_format(printed) == parse_format(read)


@pytest.mark.parametrize(("text", "sentence"), [
    ("w9c", "no weight format 'w9c'"),
    ("w4c-a9", "no activation format 'a9'; did you mean"),
    ("w4c-c4", "no carry format 'c4'"),
    ("w4c-a8-a16", "states its activations twice: a8 and a16"),
    ("w4c-af-c16", "w4c with af activations has no integer program"),
    ("fp32-a8-c16", "no integer program"),
    ("w4c+lm_head", "'lm_head' is not LINEAR=WEIGHTS"),
    ("w4c+lm_head=w9c", "no weight format 'w9c'"),
    ("w4c-", "no activation format ''"),
])  # fmt: skip
def test_a_wrong_format_gets_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        parse_format(text)


@pytest.mark.parametrize("name", FORMATS)
def test_every_weight_format_is_its_own_name(name: str) -> None:
    assert parse_weights(name).name == name
    assert str(parse_format(name)) == f"{name}-a8-c16"


def stated(*flags: str, default: str = "w4c-a8-c8") -> str:
    parser = argparse.ArgumentParser()
    add_format_flags(parser)
    return str(stated_format(parser.parse_args(flags), parse_format(default)))


def test_flags_replace_parts_and_a_whole_format_replaces_all() -> None:
    assert stated() == "w4c-a8-c8"
    assert stated("--weights", "w8c") == "w8c-a8-c8"
    assert stated("--weights", "w8c-a16") == "w8c-a16-c16"
    assert stated("--carry", "int16", "--activations", "a8d") == "w4c-a8d-c16"
    assert stated("--weights", "w8c", default="fp32") == "w8c-a8-c16"
    assert stated("--rounding", "single") == "w4c-a8-c8-single"


def test_float32_is_the_format_without_integers() -> None:
    assert not FLOAT32.integer
    assert parse_format("w2c").plain_at("lm_head")
    assert not parse_format("w2c-a8p16").plain_at("L.0.mlp.down")
    assert parse_format("w2c-a8p16").plain_at("L.0.mlp.gate_up")
    assert not parse_format("w4g32").plain_at("lm_head")
    assert parse_format("w4g32+lm_head=w8c").plain_at("lm_head")
