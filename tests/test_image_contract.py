"""An image is accepted only if it keeps every rule, and by Python and C alike."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from cross_tools import require
from image_mutants import EACH, FORMS, Lines, loader, part, small_image

from refimpl.errors import InputError
from refimpl.image import ENTRY, HEADER, Image, Section, encode
from refimpl.model_image import CONFIG_FIELDS, from_image, read_meta, to_image
from refimpl.preconditions import MAX_NORM_SIZE, gain_of
from workbench.certify.hostile import resealed
from workbench.image_cli import accepted
from workbench.main import main

FAULTS = Path(__file__).parent / "data" / "images"
MUTANTS = 20_000
all_forms = pytest.mark.parametrize("form", range(len(FORMS)))


def parts_of(data: bytes) -> dict[str, Section]:
    image = Image(data)
    return {name: Section(name, e.element, image.array(name)) for name, e in image.entries.items()}


def changed(form: int, name: str, at: int, value: int) -> bytes:
    parts = parts_of(small_image(form))
    values = parts[name].values.copy()
    values.flat[at] = value
    return encode(list((parts | {name: replace(parts[name], values=values)}).values()))


@all_forms
def test_sound_images_are_accepted_and_written_anew_byte_for_byte(form: int) -> None:
    image = Image(small_image(form))
    assert to_image(accepted(image), read_meta(image)) == small_image(form)


@pytest.mark.parametrize(("name", "rule"), [
    ("down-multiplier-shift-22", r"L\.0\.mlp_t\.down: accumulator can reach 15,569,256,448"),
    ("duplicate-section", r"section 'H_init/values' occurs twice"),
    ("shift-30", r"L\.0\.attn\.o: accumulator can reach 14,843,406,974,976"),
])  # fmt: skip
def test_images_that_once_crashed_are_refused_with_the_rule_they_break(
    name: str, rule: str, capsys: pytest.CaptureFixture[str]
) -> None:
    data = (FAULTS / f"{name}.rrim").read_bytes()
    with pytest.raises(InputError, match=rule):
        from_image(Image(data, name))
    assert main(["image", "verify", str(FAULTS / f"{name}.rrim")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_command_names_the_bound_that_is_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.rrim").write_bytes(small_image(0))
    assert main(["image", "verify", str(tmp_path / "a.rrim")]) == 0
    assert "bounds proved, the nearest" in capsys.readouterr().out


@pytest.mark.parametrize(("form", "step"), [
    (0, 7), pytest.param(0, 1, marks=pytest.mark.slow), pytest.param(3, 1, marks=pytest.mark.slow),
])  # fmt: skip
def test_every_flipped_bit_of_a_small_image_is_refused(form: int, step: int) -> None:
    sound = small_image(form)
    data = bytearray(sound)
    for bit in range(0, 8 * len(sound), step):
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(InputError):
            Image(data)
        data[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize(("form", "name", "at", "value", "rule"), [
    (0, "L.0.mlp.norm/norm", 1, gain_of(4) + 1, "gain"),
    (0, "L.0.mlp.norm/norm", 2, 0, "eps and gain must be at least 1"),
    (1, "L.0.mlp.down/format", 0, 9, "weights have 9 bits"),
    (0, "L.0.mlp.down/format", 1, 8, "outputs have 8 bits"),
    (0, "L.0.mlp.down/format", 2, 1, "output offset is 1"),
    (0, "L.0.mlp.gate_up.input/rescale", 2, 16, "leaves 16 bits in front of a linear that takes 8"),
    (0, "L.0.mlp.gate_up.input/rescale", 2, 32, "leaves 32 bits, not one of"),
    (1, "L.0.attn.scores/rescale", 2, 4, "softmax takes 8"),
    (1, "L.0.attn.softmax/softmax", 1, 32, "left shift of 0..31"),
    (1, "L.0.attn.norm/to_state", 2, 8, "stored in 8 bits and read as 16"),
    (1, "stop", 0, 0, "names no stop rule"),
    (1, "embed_tokens/multiplier", 0, 2**30 - 1, "neither 0 nor in"),
    (1, "embed_tokens/shift", 0, 30, "injection sum can reach"),
    (2, "L.0.mlp.gate_up/format", 3, 1, "exponent factors of blocks have no blocks"),
    (2, "L.0.mlp.gate_up/format", 3, 2, "signed factors of blocks have no blocks"),
    (3, "L.0.mlp.down/block_scale", 0, 0, "a group has scale 0"),
    (3, "L.0.mlp.down/shift", 0, 15, "a shift lies beyond 14"),
    (3, "L.0.mlp.down/format", 4, 3, "names no form of a linear"),
    (3, "L.0.mlp.down/format", 4, 0, "not both or neither"),
    (4, "L.0.mlp.down/block_scale", 0, 16, "an exponent lies beyond 15"),
    (0, "config", CONFIG_FIELDS.index("mlp_t"), 2, "names an unknown choice"),
    (0, "config", CONFIG_FIELDS.index("family"), -1, "names an unknown choice"),
    (0, "meta", 0, ord("["), "is not spelled"),
])  # fmt: skip
def test_a_parameter_out_of_range_is_refused_by_name(
    form: int, name: str, at: int, value: int, rule: str
) -> None:
    with pytest.raises(InputError, match=rule):
        from_image(Image(changed(form, name, at, value)))


def test_a_section_that_no_leaf_reads_and_one_of_another_shape_are_refused() -> None:
    parts = parts_of(small_image(0))
    with pytest.raises(InputError, match="section 'more' belongs to no leaf"):
        from_image(Image(encode([*parts.values(), Section("more", "int8", np.ones(3, np.int8))])))
    codes = parts["lm_head/codes"]
    parts["lm_head/codes"] = replace(codes, values=codes.values.T[:, ::-1].reshape(2, 8))
    with pytest.raises(InputError, match="section 'lm_head/codes' is int4 of shape"):
        from_image(Image(encode(list(parts.values()))))


def test_overlaps_gaps_and_padding_are_refused() -> None:
    sound = small_image(0)
    at = HEADER.size + ENTRY.size
    shared, gap = bytearray(sound), bytearray(sound)
    shared[at + 52 : at + 60] = sound[at - 12 : at - 4]
    with pytest.raises(InputError, match=r"impossible type or size|begins at byte"):
        Image(resealed(shared))
    count = struct.unpack_from("<I", sound, 8)[0]
    first = HEADER.size + ENTRY.size * count
    gap[first:first] = bytes(16)
    for entry in range(count):
        place = HEADER.size + ENTRY.size * entry + 52
        struct.pack_into("<I", gap, place, struct.unpack_from("<I", sound, place)[0] + 16)
    struct.pack_into("<I", gap, 12, len(gap))
    with pytest.raises(InputError, match="begins at byte"):
        Image(resealed(gap))
    loose = bytearray(sound)
    ends = [e.offset + e.size for e in Image(sound).entries.values() if e.size % 16]
    loose[ends[0]] = 1
    with pytest.raises(InputError, match="are not zero"):
        Image(resealed(loose))


def test_the_gain_of_a_norm_is_the_nearest_integer_for_every_size() -> None:
    for size in range(1, MAX_NORM_SIZE + 1):
        gain = gain_of(size)
        exact = Fraction(size << 49)
        assert Fraction(2 * gain - 1, 2) ** 2 < exact < Fraction(2 * gain + 1, 2) ** 2
    assert gain_of(2) == 2**25
    assert gain_of(1) == 23726566


@pytest.fixture(scope="module")
def in_c(tmp_path_factory: pytest.TempPathFactory) -> Lines:
    """One line of ``load-sanitized -`` for each image."""
    require("make", "gcc")
    return loader(tmp_path_factory.mktemp("load"))


@pytest.mark.slow
def test_python_and_c_accept_the_same_mutants_and_reach_the_same_states(in_c: Lines) -> None:
    """Their checksums are right; ``python tests/image_mutants.py`` runs more of them."""
    images = [small_image(n) for n in range(len(FORMS))]
    rows = [part(number, images, in_c) for number in range(MUTANTS // EACH)]
    assert sum(row["images"] for row in rows) == MUTANTS
    assert sum(row["accepted"] for row in rows) > MUTANTS // 20


@pytest.mark.slow
@all_forms
def test_c_refuses_every_flipped_bit(form: int, in_c: Lines) -> None:
    sound = small_image(form)
    flips = []
    for bit in range(8 * len(sound)):
        data = bytearray(sound)
        data[bit // 8] ^= 1 << bit % 8
        flips.append(bytes(data))
    assert all(line.startswith("refused: ") for line in in_c(flips))


@pytest.mark.slow
def test_c_refuses_the_images_that_once_crashed_with_the_rule_they_break(in_c: Lines) -> None:
    data = [path.read_bytes() for path in sorted(FAULTS.glob("*.rrim"))]
    assert in_c(data) == ["refused: L.0.mlp_t.down/accumulator", "refused: section twice",
                          "refused: L.0.attn.o/accumulator"]  # fmt: skip
