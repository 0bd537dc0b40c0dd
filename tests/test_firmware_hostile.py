"""Images that must not run: the firmware names what is wrong, under ASan and UBSan."""

from __future__ import annotations

import struct
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from cross_tools import require
from test_firmware_host import make

from refimpl.image import Image, Section, encode
from refimpl.model_image import CONFIG_FIELDS
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.traced import TRACED

pytestmark = pytest.mark.slow
Sections = dict[str, Section]


@pytest.fixture(scope="module")
def load(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bytes], tuple[int, str]]:
    """Run ``load-sanitized`` on an image: (exit status, what it printed)."""
    require("make", "gcc")
    build = tmp_path_factory.mktemp("load")
    make(build, f"{build}/load-sanitized")

    def run(data: bytes) -> tuple[int, str]:
        path = build / "image.rrim"
        path.write_bytes(data)
        done = subprocess.run([build / "load-sanitized", path], capture_output=True, text=True, timeout=60)
        assert done.stderr == ""
        return done.returncode, done.stdout.strip()

    return run


def good(name: str = "hrm-small-w4c") -> bytes:
    return (GOLDEN / "recursion" / TRACED[name].file).read_bytes()


def sections(data: bytes) -> Sections:
    image = Image(data)
    return {name: Section(name, e.element, image.array(name)) for name, e in image.entries.items()}


def with_config(field: str, value: int) -> bytes:
    parts = sections(good())
    values = parts["config"].values.copy()
    values[CONFIG_FIELDS.index(field)] = value
    parts["config"] = replace(parts["config"], values=values)
    return encode(list(parts.values()))


def with_values(name: str, change: Callable[[np.ndarray], np.ndarray]) -> bytes:
    parts = sections(good())
    parts[name] = replace(parts[name], values=change(parts[name].values.copy()))
    return encode(list(parts.values()))


def first_to(value: int) -> Callable[[np.ndarray], np.ndarray]:
    def change(values: np.ndarray) -> np.ndarray:
        values.flat[0] = value
        return values

    return change


Load = Callable[[bytes], tuple[int, str]]


@pytest.mark.parametrize("name", TRACED)
def test_good_images_run(name: str, load: Load) -> None:
    assert load(good(name)) == (0, "ran")


@pytest.mark.parametrize("size", [0, 31, 32, 100, 4000, -1])
def test_truncated_images_are_refused(size: int, load: Load) -> None:
    status, problem = load(good()[:size])
    assert status == 1
    assert problem in ("magic", "size")


@pytest.mark.parametrize(
    ("at", "problem"), [(0, "magic"), (4, "version"), (8, "section count"), (40, "section table CRC32")]
)
def test_a_damaged_header_or_table_is_named(at: int, problem: str, load: Load) -> None:
    data = bytearray(good())
    data[at + 3 if at == 8 else at] ^= 0x55
    assert load(bytes(data)) == (1, problem)


def test_a_flipped_bit_in_any_part_of_the_body_is_found(load: Load) -> None:
    body = Image(good()).entries["config"].offset
    for at in range(body, len(good()), 1711):
        data = bytearray(good())
        data[at] ^= 4
        status, problem = load(bytes(data))
        assert status == 1
        assert problem in ("section CRC32", "padding")  # bytes between sections are zero


@pytest.mark.parametrize(
    ("field", "value"),
    [("hidden_size", 0), ("hidden_size", -30), ("hidden_size", 2**31 - 1), ("num_heads", 0), ("num_heads", 7),
     ("num_heads", 2), ("seq_len", 0), ("seq_len", 70000), ("L_layers", 5), ("L_layers", 0), ("H_layers", 0),
     ("family", 2), ("H_cycles", 0), ("mlp_t", 1), ("rounding", 2), ("puzzle_emb_len", -1),
     ("num_puzzle_identifiers", 0)],
)  # fmt: skip
def test_an_impossible_configuration_is_refused(field: str, value: int, load: Load) -> None:
    assert load(with_config(field, value)) == (1, "config")


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [("vocab_size", 8, "embed_tokens/codes"), ("hidden_size", 60, "embed_tokens/codes"),
     ("channel_intermediate_size", 46, "L.0.mlp.gate_up/codes"), ("seq_len", 10, "rope/fine"),
     ("L_layers", 3, "L.2.attn.qkv/format"), ("pos_encodings", 2, "embed_pos/codes")],
)  # fmt: skip
def test_sections_that_do_not_fit_the_configuration_are_named(
    field: str, value: int, problem: str, load: Load
) -> None:
    assert load(with_config(field, value)) == (1, problem)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [("L.0.mlp.gate_up/shift", 31, "L.0.mlp.gate_up/format"),
     ("H.0.attn.o/multiplier", 5, "H.0.attn.o/format"), ("L.1.mlp.norm/norm", 29, "L.1.mlp.norm/norm"),
     ("L.0.attn.softmax/softmax", 0, "L.0.attn.softmax/softmax"),
     ("lm_head.input/rescale", -1, "lm_head.input/rescale"), ("q_head/format", 16, "q_head/format"),
     ("rope/coarse", 2**30 + 1, "rope/coarse"), ("rope/fine", -(2**30) - 1, "rope/fine"),
     ("embed_tokens/multiplier", 1, "embed_tokens/multiplier")],
)  # fmt: skip
def test_parameters_outside_the_contract_are_named(name: str, value: int, problem: str, load: Load) -> None:
    assert load(with_values(name, first_to(value))) == (1, problem)


@pytest.mark.parametrize(
    "name", ["config", "L.0.attn.qkv/codes", "q_head/bias", "rope/fine", "H_init/values"]
)
def test_a_missing_section_is_named(name: str, load: Load) -> None:
    parts = sections(good())
    del parts[name]
    assert load(encode(list(parts.values()))) == (1, name)


def test_an_offset_beyond_the_file_is_refused(load: Load) -> None:
    data = bytearray(good())
    count = struct.unpack_from("<I", data, 8)[0]
    struct.pack_into("<I", data, 32 + 52, 0xFFFFFFF0)
    struct.pack_into("<I", data, 16, zlib.crc32(data[32 : 32 + 64 * count]))
    assert load(bytes(data)) == (1, "section extent")
