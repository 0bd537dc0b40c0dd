"""The flash image: what is written is read back, and damage is refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from refimpl import fast
from refimpl.errors import InputError
from refimpl.image import ALIGNMENT, HEADER, Image, Section, encode
from refimpl.model_image import from_image, read_meta, to_image
from refimpl.models.recursion import run
from workbench.files.outputs import write_file
from workbench.networks import find_network
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.sudoku import to_tokens


@pytest.fixture(scope="module", params=["sudoku9-mlp", "sudoku9-att"])
def image_bytes(request: pytest.FixtureRequest) -> bytes:
    return find_network(request.param).image("w4c")


def test_sections_come_back_as_written_and_aligned() -> None:
    sections = [
        Section("a/codes", "int4", np.array([[-8, 7, 3]], np.int8)),
        Section("e/codes", "int3", np.array([[-4, 3, 1]], np.int8)),
        Section("b", "int8", np.array([-128, 127], np.int8)),
        Section("c", "int16", np.array([-32768], np.int16)),
        Section("d", "int32", np.array([[2**31 - 1], [-(2**31)]], np.int32)),
    ]
    image = Image(encode(sections))
    for section in sections:
        assert np.array_equal(image.array(section.name), section.values)
        assert image.entry(section.name).offset % ALIGNMENT == 0


def test_equal_models_give_equal_bytes(image_bytes: bytes) -> None:
    image = Image(image_bytes)
    assert to_image(from_image(image), read_meta(image)) == image_bytes


@pytest.mark.parametrize("name", ["sudoku9-mlp", "sudoku9-att"])
def test_a_run_from_the_image_has_the_bits_of_a_run_from_memory(name: str) -> None:
    network = find_network(name)
    tokens = to_tokens(load_shipped().questions)[:2]
    for weights in ("w8c", "w4t"):
        in_memory = run(fast, network.integer_model(weights).with_depth(steps=2), tokens)
        from_flash = run(fast, from_image(Image(network.image(weights))).with_depth(steps=2), tokens)
        for a, b in zip(in_memory, from_flash, strict=True):
            assert all(np.array_equal(x, y) for x, y in zip(vars(a).values(), vars(b).values(), strict=True))


@pytest.mark.parametrize(
    "format", ["w4c-c8", "w4a", "w4g32", "mxint4-amx", "w8c-a8d", "w4c-a16-c8", "w2c-a4"]
)
def test_every_format_survives_the_image(format: str) -> None:
    network = find_network("sudoku9-mlp")
    image = network.image(format)
    read = from_image(Image(image))
    assert to_image(read, read_meta(Image(image))) == image
    tokens = to_tokens(load_shipped().questions)[:1]
    wanted = network.integer_model(format).with_depth(steps=1)
    (_, expected), (_, actual) = (run(fast, m.with_depth(steps=1), tokens) for m in (wanted, read))
    assert np.array_equal(actual.logits, expected.logits)


def test_every_damaged_section_is_named(image_bytes: bytes) -> None:
    for name, entry in Image(image_bytes).entries.items():
        damaged = bytearray(image_bytes)
        damaged[entry.offset] ^= 1
        with pytest.raises(InputError, match=f"section '{name}' is damaged"):
            Image(bytes(damaged))


def test_truncation_names_the_section_that_is_cut(image_bytes: bytes) -> None:
    entries = list(Image(image_bytes).entries.values())
    with pytest.raises(InputError, match=f"section '{entries[-1].name}' .* truncated"):
        Image(image_bytes[: entries[-1].offset])
    with pytest.raises(InputError, match="section table is damaged or truncated"):
        Image(image_bytes[: HEADER.size + 8])


@pytest.mark.parametrize("data", [b"", b"RRIM", b"PK\x03\x04" + bytes(60)])
def test_other_files_are_no_images(data: bytes) -> None:
    with pytest.raises(InputError, match="no flash image"):
        Image(data)


@pytest.mark.parametrize("position", range(20, 32))
def test_reserved_header_bytes_must_be_zero(position: int, image_bytes: bytes) -> None:
    damaged = bytearray(image_bytes)
    damaged[position] = 1
    with pytest.raises(InputError, match="reserved bytes are not zero"):
        Image(bytes(damaged))


@pytest.mark.parametrize("version", [1, 3])
def test_another_version_is_refused_with_the_command_that_writes_it_anew(
    version: int, image_bytes: bytes
) -> None:
    other = bytearray(image_bytes)
    other[4] = version
    with pytest.raises(InputError, match=rf"version {version}; .* version 2. Write it anew .* quantize"):
        Image(bytes(other))


def test_a_failed_write_leaves_nothing(tmp_path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        write_file(tmp_path / "missing" / "x.img", b"data")
    assert list(tmp_path.iterdir()) == []
