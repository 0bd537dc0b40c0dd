"""Checkpoints that mean harm: nothing in them is imported, called or unpacked beyond limits."""

from __future__ import annotations

import io
import json
import pickle
import resource
import struct
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkpoints_by_hand as by_hand
import numpy as np
import pytest

from refimpl.__main__ import main
from workbench.checkpoints import load_network
from workbench.model_config import model_config
from workbench.seeded import seeded_tensors

TINY = {"model": "trm", "seq_len": 4, "vocab_size": 5, "hidden_size": 8, "num_heads": 2, "L_layers": 1,
        "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 1, "channel_intermediate_size": 8}  # fmt: skip
WEIGHTS = seeded_tensors(model_config(TINY))

# Calls that would create the file VICTIM if anything called them: (module, name, arguments).
GADGETS: dict[str, tuple[str, str, tuple[Any, ...]]] = {
    "system": ("os", "system", ("touch VICTIM",)),
    "posix system": ("posix", "system", ("touch VICTIM",)),
    "popen": ("subprocess", "Popen", (["touch", "VICTIM"],)),
    "check_output": ("subprocess", "check_output", (["touch", "VICTIM"],)),
    "open": ("builtins", "open", ("VICTIM", "w")),
    "io.open": ("io", "open", ("VICTIM", "w")),
    "eval": ("builtins", "eval", ("open('VICTIM', 'w')",)),
    "exec": ("builtins", "exec", ("open('VICTIM', 'w')",)),
    "old eval": ("__builtin__", "eval", ("open('VICTIM', 'w')",)),
    "import": ("builtins", "__import__", ("antigravity",)),
    "import_module": ("importlib", "import_module", ("antigravity",)),
    "runpy": ("runpy", "run_path", ("VICTIM",)),
    "mkdir": ("os", "mkdir", ("VICTIM",)),
    "write_text": ("pathlib", "Path.touch", ("VICTIM",)),
    "timeit": ("timeit", "timeit", ("open('VICTIM', 'w')",)),
    "spawn": ("pty", "spawn", (["touch", "VICTIM"],)),
    "partial": ("functools", "partial", ("touch",)),
    "attrgetter": ("operator", "attrgetter", ("system",)),
    "nested pickle": ("pickle", "loads", (b"cos\nsystem\n(S'touch VICTIM'\ntR.",)),
    "torch load": ("torch", "load", ("VICTIM",)),
    "numpy load": ("numpy", "load", ("VICTIM",)),
    "memmap": ("numpy", "memmap", ("VICTIM", "uint8", "w+", 0, 1)),
    "getattr": ("builtins", "getattr", ("os", "system")),
    "dotted": ("collections", "OrderedDict.__class__", ()),
    "ctypes": ("ctypes", "CDLL", ("VICTIM",)),
    "fake tensor": ("torch._utils", "_rebuild_tensor", ("VICTIM",)),
}  # fmt: skip


def value(item: Any) -> bytes:
    """Opcodes of a plain value, by Python's own pickler without its frame."""
    return pickle.dumps(item, 2)[2:-1]


def call(gadget: str, victim: Path) -> bytes:
    """Opcodes that would call the gadget."""
    module, name, arguments = GADGETS[gadget]
    aimed = json.loads(json.dumps(arguments, default=repr).replace("VICTIM", str(victim)))
    if gadget == "nested pickle":
        aimed = [arguments[0].replace(b"VICTIM", str(victim).encode())]
    return by_hand.name(module, name) + value(tuple(aimed)) + b"R"


# Where a file could put a call, all of them without a model.
PLACES: dict[str, Callable[[bytes], bytes]] = {
    "alone": lambda c: c,
    "under a key": lambda c: b"}" + value("model") + c + b"s",
    "as a key": lambda c: b"}" + c + value(1) + b"s",
    "as storage": lambda c: by_hand.name("torch._utils", "_rebuild_tensor_v2")
    + by_hand.tuple_of(c, by_hand.integer(0), value((2,)), value((1,)), b"\x89", by_hand.ORDERED_DICT) + b"R",
    "as persistent id": lambda c: c + b"Q",
    "as state": lambda c: by_hand.ORDERED_DICT + c + b"b",
    "as what is called": lambda c: c + b")R",
    "as a new object": lambda c: c + b")\x81",
}  # fmt: skip


def said(capsys: pytest.CaptureFixture[str], path: Path, code: int = 2) -> str:
    """What import says of a file; limits of time and memory hold."""
    capsys.readouterr()
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert main(["import", str(path), str(path.parent / "net")]) == code
    assert time.monotonic() - began < 30
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert grown < 4 * path.stat().st_size + 200 * 2**20
    found = capsys.readouterr()
    if code:
        assert found.err.startswith("error: ")
        assert found.err.count("\n") == 1
        assert not (path.parent / "net").exists()
    return found.err if code else found.out


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "config.json").write_text(json.dumps(TINY))
    return tmp_path


@pytest.mark.parametrize("gadget", GADGETS)
@pytest.mark.parametrize("place", PLACES)
def test_a_call_in_a_pickle_is_never_made(
    folder: Path, gadget: str, place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = folder / "victim"
    by_hand.write_torch_zip(folder / "x.pt", PLACES[place](call(gadget, victim)), {"0": bytes(8)})
    said(capsys, folder / "x.pt")
    assert not victim.exists()


@pytest.mark.parametrize("gadget", GADGETS)
def test_a_call_beside_a_sound_model_is_listed_and_the_model_read(
    folder: Path, gadget: str, capsys: pytest.CaptureFixture[str]
) -> None:
    victim = folder / "victim"
    records = {key: by_hand.contiguous(str(i), array) for i, (key, array) in enumerate(WEIGHTS.items())}
    tree = by_hand.mapping({"config": call(gadget, victim), "model": by_hand.mapping(records)})
    storages = {str(i): array.tobytes() for i, array in enumerate(WEIGHTS.values())}
    by_hand.write_torch_zip(folder / "x.pt", tree, storages)
    out = said(capsys, folder / "x.pt", 0)
    module, name, _ = GADGETS[gadget]
    [listed] = [line for line in out.splitlines() if "neither imported nor called" in line]
    assert f"{module}.{name}" in listed
    assert not victim.exists()
    found = load_network(folder / "net")[1]
    assert all(np.array_equal(found[key], array) for key, array in WEIGHTS.items())


def deflated(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def overlapping() -> bytes:
    """Two directory entries of one member's bytes."""
    raw = bytearray(deflated({"archive/data.pkl": b"\x80\x02}.", "archive/data/0": b"\x80\x02}."}))
    second = raw.rindex(b"PK\x01\x02")
    raw[second + 42 : second + 46] = struct.pack("<I", 3)  # its local header, inside the first member
    return bytes(raw)


def shared_doubling(levels: int) -> bytes:
    """A tree of 2^levels leaves in a few bytes: each level is a list of the one before, twice."""
    return b"]" + b"".join(b"q\x00]h\x00ah\x00a" for _ in range(levels))


def tensor_of(count: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> bytes:
    record = by_hand.tensor("0", "FloatStorage", count, 0, shape, strides)
    return b"\x80\x02" + by_hand.mapping({"inner.H_init": record}) + b"."


def torch_file(pickled: bytes, storage: bytes = bytes(16)) -> bytes:
    return deflated({"archive/data.pkl": b"\x80\x02" + pickled + b".", "archive/data/0": storage})


STORAGE = by_hand.tuple_of(value("storage"), by_hand.name("torch", "FloatStorage"), value("0"), value("cpu"),
                           value(4)) + b"Q"  # fmt: skip
ARCHIVES: dict[str, Callable[[], bytes]] = {
    "overlapping members": overlapping,
    "a bomb of zeros": lambda: deflated({"archive/data.pkl": bytes(200 * 2**20)}),
    "a bomb of an npz": lambda: deflated({"inner.H_init.npy": bytes(200 * 2**20)}),
    "a pickle that is an archive": lambda: deflated({"archive/data.pkl": deflated({"data.pkl": b"."})}),
    "two pickles": lambda: deflated({"a/data.pkl": b"\x80\x02}.", "b/data.pkl": b"\x80\x02}."}),
    "names that climb": lambda: deflated({"../../data.pkl": b"\x80\x02}.", "/etc/data/0": b""}),
    "an empty pickle": lambda: deflated({"archive/data.pkl": b""}),
    "doubling without end": lambda: torch_file(shared_doubling(60)),
    "doubling to the limit": lambda: torch_file(shared_doubling(22)),
    "a list in itself": lambda: torch_file(b"]q\x00h\x00a"),
    "a dict in itself": lambda: torch_file(b"}q\x00X\x01\x00\x00\x00ah\x00s"),
    "nested beyond sense": lambda: torch_file(b"]" * 50_000 + b"a" * 49_999),
    "a number of a million digits": lambda: torch_file(b"I" + b"9" * 1_000_000 + b"\n"),
    "a long of two gigabytes": lambda: torch_file(b"\x8b\xff\xff\xff\x7f"),
    "text of four gigabytes": lambda: torch_file(b"X\xff\xff\xff\xff"),
    "a memo far away": lambda: torch_file(b"Nr\xff\xff\xff\xff0j\xfe\xff\xff\xff"),
    "extension codes": lambda: torch_file(b"\x82\x01"),
    "out-of-band buffers": lambda: torch_file(b"\x97"),
    "a storage of 2^40 values": lambda: deflated(
        {"archive/data.pkl": tensor_of(2**31 - 1, (2**31 - 1, 512), (0, 0)), "archive/data/0": bytes(4)}),
    "an expanded view": lambda: deflated(
        {"archive/data.pkl": tensor_of(1, (60_000, 60_000), (0, 0)), "archive/data/0": bytes(4)}),
    "strides outside": lambda: deflated(
        {"archive/data.pkl": tensor_of(4, (4,), (2**31 - 1,)), "archive/data/0": bytes(16)}),
    "a storage that climbs": lambda: deflated({"archive/data.pkl": b"\x80\x02" + by_hand.mapping({
        "inner.H_init": by_hand.tensor("../../../etc/passwd", "FloatStorage", 1, 0, (1,), (1,))}) + b"."}),
    "a type that is no storage": lambda: torch_file(by_hand.mapping({
        "inner.H_init": by_hand.tensor("0", "UntypedStorage", 4, 0, (4,), (1,))})),
    "a placeholder as shape": lambda: torch_file(
        by_hand.name("torch._utils", "_rebuild_tensor_v2") + by_hand.tuple_of(
            STORAGE, value(0), by_hand.name("os", "sep"), value((1,))) + b"R"),
    "a parameter of nothing": lambda: torch_file(
        by_hand.name("torch._utils", "_rebuild_parameter") + value((1, 2, 3)) + b"R"),
    "an npz of objects": lambda: deflated({"inner.H_init.npy": b"\x93NUMPY\x01\x00\x46\x00"
        b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(70) + b"\n" + b"cos\nsystem\n."}),
    "an npz that lies": lambda: deflated({"inner.H_init.npy": b"\x93NUMPY\x01\x00\x56\x00"
        + b"{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999999,), }".ljust(85) + b"\n"}),
    "an npz header of code": lambda: deflated({"inner.H_init.npy": b"\x93NUMPY\x01\x00\x56\x00"
        + b"__import__('os').system('touch victim')".ljust(85) + b"\n"}),
    "safetensors that overlap the header": lambda: struct.pack("<Q", 2**40) + b"{}",
    "safetensors of a deep header": lambda: struct.pack("<Q", 60_000) + b"{" + b'"a":{' * 11_999 + b"}" * 4,
    "an index of shards that climb": lambda: b'{"weight_map": {"inner.H_init": "../config.json"}}',
    "an index of itself": lambda: b'{"weight_map": {"inner.H_init": "x.pt"}}',
    "an index of a folder": lambda: b'{"weight_map": {"inner.H_init": "."}}',
    "a bare pickle": lambda: b"\x80\x04cos\nsystem\n(S'touch victim'\ntR.",
}  # fmt: skip


@pytest.mark.parametrize("kind", ARCHIVES)
def test_a_malicious_archive_is_one_sentence_within_the_limits(
    folder: Path, kind: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    (folder / "x.pt").write_bytes(ARCHIVES[kind]())
    said(capsys, folder / "x.pt")
    assert not (folder / "victim").exists()


def test_they_are_at_least_fifty_shapes() -> None:
    assert len(GADGETS) * len(PLACES) >= 200
    assert len(ARCHIVES) >= 30
