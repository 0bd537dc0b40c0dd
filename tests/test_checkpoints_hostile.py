"""Files that are damaged or mean harm are refused with a sentence, and nothing in them is executed."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from pathlib import Path

import checkpoints_by_hand as by_hand
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from refimpl.errors import InputError
from workbench.checkpoints import read


class CreatesFile:
    """Unpickling this opens ``path`` for writing, which creates it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, str]]:
        return open, (str(self.path), "w")


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    return tmp_path / "created-by-the-pickle"


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_the_attack_of_these_tests_is_real(victim: Path, protocol: int) -> None:
    pickle.loads(pickle.dumps(CreatesFile(victim), protocol)).close()
    assert victim.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_torch_zip_that_would_create_a_file_is_refused_and_creates_nothing(
    tmp_path: Path, victim: Path, protocol: int
) -> None:
    with zipfile.ZipFile(tmp_path / "x.pt", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"a": CreatesFile(victim)}, protocol))
    with pytest.raises(InputError, match=r"no tensors; it names (io|_io|__builtin__|builtins)\.open"):
        read(tmp_path / "x.pt")
    assert not victim.exists()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_bare_pickle_is_refused_and_creates_nothing(tmp_path: Path, victim: Path, protocol: int) -> None:
    (tmp_path / "x.pt").write_bytes(pickle.dumps(CreatesFile(victim), protocol))
    with pytest.raises(InputError, match=r"bare pickle.*it is refused"):
        read(tmp_path / "x.pt")
    assert not victim.exists()


def test_an_npz_with_a_pickled_array_is_refused_and_creates_nothing(tmp_path: Path, victim: Path) -> None:
    objects = np.empty(1, object)
    objects[0] = CreatesFile(victim)
    np.savez(tmp_path / "x.npz", a=objects)
    with pytest.raises(InputError, match="tensor a has dtype object; only plain numbers"):
        read(tmp_path / "x.npz")
    assert not victim.exists()


ATTACKS = {
    # Old opcodes that import and call in one.
    "INST": b"(X\x01\x00\x00\x00xios\nsystem\n",
    "OBJ": b"(" + by_hand.name("os", "system") + b"o",
    "NEWOBJ": by_hand.name("collections", "OrderedDict") + b")\x81",
    "EXT1": b"\x82\x01",
    "dotted": by_hand.name("collections", "OrderedDict.fromkeys") + b")R",
    "type called": by_hand.name("torch", "FloatStorage") + b")R",
    "tensor called": by_hand.tensor("0", "FloatStorage", 1, 0, (1,), (1,)) + b")R",
    "state into a function": by_hand.name("torch._utils", "_rebuild_tensor_v2") + b"}b",
    "state into a tensor": by_hand.tensor("0", "FloatStorage", 1, 0, (1,), (1,)) + b"}b",
    "no storage": by_hand.name("torch._utils", "_rebuild_tensor_v2")
    + by_hand.tuple_of(by_hand.text("x"), by_hand.integer(0), b")", b")")
    + b"R",
    "empty stack": b"0",
    "unknown memo": b"h\x07",
    "no mark": b"t",
    "two results": b"NN",
    "odd items": b"}(X\x01\x00\x00\x00au",
    "unhashable key": b"}]Ns",
    "bad storage id": by_hand.text("storage") + b"Q",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_pickle_opcodes_beyond_data_are_refused(tmp_path: Path, attack: str) -> None:
    by_hand.write_torch_zip(tmp_path / "x.pt", ATTACKS[attack], {"0": b"\0\0\0\0"})
    with pytest.raises(InputError, match=r"its pickle|holds no tensors"):
        read(tmp_path / "x.pt")


def test_a_dict_key_that_takes_forever_to_hash_is_refused(tmp_path: Path) -> None:
    doubling = b")" + 64 * b"q\x00h\x00\x86"  # a tuple of two references to the tuple before, 64 times
    by_hand.write_torch_zip(tmp_path / "x.pt", b"}" + doubling + b"Ns", {})
    with pytest.raises(InputError, match="a dict key is a tuple"):
        read(tmp_path / "x.pt")


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (5,), (1,)),
        (1, (4,), (1,)),
        (0, (2, 2), (3, 1)),
        (0, (4000, 4000), (0, 0)),
        (4, (1,), (1,)),
    ],
)
def test_a_tensor_outside_of_its_storage_is_refused(
    tmp_path: Path, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> None:
    record = by_hand.tensor("0", "FloatStorage", 4, offset, shape, strides)
    by_hand.write_torch_zip(tmp_path / "x.pt", by_hand.mapping({"a": record}), {"0": bytes(16)})
    with pytest.raises(
        InputError, match=r"tensor a of shape .* does not lie within its storage of 4 elements"
    ):
        read(tmp_path / "x.pt")


def test_negative_strides_and_shapes_beyond_memory_are_refused(tmp_path: Path) -> None:
    for shape, strides in [
        ((2,), (-1,)),
        ((-2,), (1,)),
        ((2**31 - 1,) * 3, (0,) * 3),
        ((0,) + (2**31 - 1,) * 3, (0,) * 4),
    ]:
        record = by_hand.tensor("0", "FloatStorage", 4, 0, shape, strides)
        by_hand.write_torch_zip(tmp_path / "x.pt", by_hand.mapping({"a": record}), {"0": bytes(16)})
        with pytest.raises(InputError, match="its pickle is damaged"):
            read(tmp_path / "x.pt")


def test_a_torch_file_with_a_missing_or_short_storage_is_refused(tmp_path: Path) -> None:
    record = by_hand.mapping({"a": by_hand.contiguous("0", np.ones(4, np.float32))})
    by_hand.write_torch_zip(tmp_path / "x.pt", record, {})
    with pytest.raises(InputError, match="has no member archive/data/0"):
        read(tmp_path / "x.pt")
    by_hand.write_torch_zip(tmp_path / "x.pt", record, {"0": bytes(12)})
    with pytest.raises(InputError, match="storage of tensor a has 12 bytes, its record says 16"):
        read(tmp_path / "x.pt")


def write_npz_file(path: Path) -> None:
    np.savez(path.with_suffix(".npz"), a=np.arange(40, dtype=np.float32))
    path.with_suffix(".npz").rename(path)


def write_torch_file(path: Path) -> None:
    by_hand.write_torch_state(path, {"a": np.arange(40, dtype=np.float32)})


def write_safe_file(path: Path) -> None:
    by_hand.write_safetensors(path, {"a": np.arange(40, dtype=np.float32)})


def complaint(path: Path) -> str:
    """What the reader says of a file, "." if nothing; any other exception than InputError passes through."""
    try:
        read(path)
    except InputError as error:
        return str(error)
    return "."


WRITERS = {"npz": write_npz_file, "torch": write_torch_file, "safetensors": write_safe_file}


@pytest.mark.parametrize("form", WRITERS)
def test_a_truncated_file_is_refused_wherever_it_is_cut(tmp_path: Path, form: str) -> None:
    WRITERS[form](tmp_path / "whole")
    whole = (tmp_path / "whole").read_bytes()
    assert read(tmp_path / "whole")["a"].tolist() == list(range(40))
    for length in range(10, len(whole)):
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(InputError, match="truncated"):
            read(tmp_path / "cut")


@pytest.mark.parametrize("form", WRITERS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_raise_anything_but_a_sentence(
    tmp_path: Path, form: str, data: st.DataObject
) -> None:
    WRITERS[form](tmp_path / "whole")
    content = bytearray((tmp_path / "whole").read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    (tmp_path / "damaged").write_bytes(content)
    assert complaint(tmp_path / "damaged").endswith(".")


@pytest.mark.parametrize("form", ["npz", "torch"])
def test_a_member_whose_name_is_no_utf_8_is_refused(tmp_path: Path, form: str) -> None:
    WRITERS[form](tmp_path / "whole")
    content = bytearray((tmp_path / "whole").read_bytes())
    content[7] |= 0x08  # flag bit 11 of the first local header: its name, from byte 30 on, is UTF-8
    content[30] = 0x80
    (tmp_path / "damaged").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        read(tmp_path / "damaged")


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_pickle_never_raises_anything_but_a_sentence(tmp_path: Path, data: st.DataObject) -> None:
    """The archive's checksums are right here, so the damage reaches the pickle reader."""
    values = np.arange(4, dtype=np.float32)
    content = bytearray(by_hand.mapping({"model": by_hand.mapping({"a": by_hand.contiguous("0", values)})}))
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    by_hand.write_torch_zip(tmp_path / "x.pt", bytes(content), {"0": values.tobytes()})
    assert complaint(tmp_path / "x.pt").endswith(".")


def npy(header: str, body: bytes) -> bytes:
    padded = header.encode() + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + body


@pytest.mark.parametrize("shape", ["(3,)", "(-1, -2)", "(0, 4611686018427387904)", "(1000000000000,)"])
def test_an_npy_header_that_lies_about_its_size_is_refused(tmp_path: Path, shape: str) -> None:
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}"
    with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
        archive.writestr("a.npy", npy(header, bytes(8)))
    with pytest.raises(InputError, match=r"tensor a holds 8 bytes where shape .* needs"):
        read(tmp_path / "x.npz")


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}, "has 8 bytes where shape .* needs 12"),
        (
            {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]},
            "ends at byte 16 of the data but the file holds 8",
        ),
        ({"dtype": "F8_E4M3", "shape": [8], "data_offsets": [0, 8]}, "has type F8_E4M3; this reads F64"),
        ({"dtype": "F32", "shape": [-2], "data_offsets": [0, 8]}, "no natural number"),
        ({"dtype": "F32", "shape": [2.0], "data_offsets": [0, 8]}, "no natural number"),
        ({"dtype": "F32", "shape": [0, 2**62], "data_offsets": [0, 0]}, "which no array can have"),
        ({"dtype": "F32", "shape": [2]}, "lacks dtype, shape or data_offsets"),
        ("F32", "lacks dtype, shape or data_offsets"),
    ],
)
def test_a_safetensors_entry_that_lies_is_refused(tmp_path: Path, entry: object, sentence: str) -> None:
    header = json.dumps({"a": entry}).encode()
    (tmp_path / "x").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8))
    with pytest.raises(InputError, match=sentence):
        read(tmp_path / "x")


@pytest.mark.parametrize("header", [b'{"a": 1, "a": 2}', b'{"a": ', b'{"a":' + 50_000 * b"["])
def test_a_safetensors_header_that_is_no_clean_json_is_refused(tmp_path: Path, header: bytes) -> None:
    (tmp_path / "x").write_bytes(struct.pack("<Q", len(header)) + header)
    with pytest.raises(InputError, match=r"safetensors header (is|has|holds)"):
        read(tmp_path / "x")


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a Git LFS pointer"),
        (b"GGUF\x03\x00\x00\x00", "it begins with 47 47 55 46"),
        (b"cos\nsystem\n(S'true'\ntR.", "no checkpoint of a known form"),
    ],
)
def test_an_unknown_form_is_refused_with_what_it_begins_with(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "x.pt").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        read(tmp_path / "x.pt")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nothing\.pt cannot be read: No such file"):
        read(tmp_path / "nothing.pt")
    with pytest.raises(InputError, match="is a folder; it must be an ordinary file"):
        read(tmp_path)


def test_archives_without_tensors_are_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    zipfile.ZipFile(buffer, "w").close()
    (tmp_path / "x.zip").write_bytes(buffer.getvalue())
    with pytest.raises(InputError, match="holds no tensors"):
        read(tmp_path / "x.zip")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match="neither an npz"):
        read(tmp_path / "x.zip")
    by_hand.write_torch_zip(tmp_path / "x.zip", by_hand.mapping({"epoch": by_hand.integer(3)}), {})
    with pytest.raises(InputError, match="holds no tensors"):
        read(tmp_path / "x.zip")
