"""Archives that promise more than they are: refused before a byte is unpacked."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.checkpoints.reader import read
from workbench.datasets.arrays import read_arrays
from workbench.vectors.files import DEFAULT_GOLDEN

MIB = 1024**2


def npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values)
    return buffer.getvalue()


def bomb(path: Path, mebibytes: int) -> Path:
    """An npz of zeros that unpacks to so much."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("inputs.npy", npy(np.zeros(mebibytes * MIB, np.uint8)))
    return path


@pytest.mark.parametrize("reader", [read, read_arrays])
def test_a_small_file_that_unpacks_to_much_is_refused(reader: object, tmp_path: Path) -> None:
    path = bomb(tmp_path / "x.npz", 100)
    assert path.stat().st_size < MIB
    with pytest.raises(InputError, match=r"unpacks to 104,857,728; [\d,]+ are the limit"):
        reader(path)  # type: ignore[operator]


def test_an_archive_of_ordinary_size_is_read_compressed(tmp_path: Path) -> None:
    assert read_arrays(bomb(tmp_path / "x.npz", 10)).inputs.shape == (10 * MIB,)


def test_a_member_inside_another_is_refused(tmp_path: Path) -> None:
    """The quoted kind of bomb: the data of the first holds a whole second member, with its own header."""
    path, inner = tmp_path / "x.npz", tmp_path / "inner.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("b.npy", npy(np.zeros(1000)))
    quoted = inner.read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", quoted)
        archive.writestr("b.npy", npy(np.zeros(1000)))
    raw = bytearray(path.read_bytes())
    second = raw.index(b"PK\x01\x02", raw.rindex(b"b.npy") - 60)
    inside = raw.index(quoted)
    raw[second + 42 : second + 46] = inside.to_bytes(4, "little")  # the local header's place
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"members a.npy and b.npy overlap"):
        read(path)


def test_a_member_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.npy", npy(np.zeros(3)))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("a.npy", npy(np.ones(3)))
    with pytest.raises(InputError, match="holds a member twice"):
        read(path)


PEAK = """
import resource, sys
from pathlib import Path
from refimpl.errors import RefimplError
sys.path.insert(0, "tests")
from outside_readers import READERS
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    READERS[sys.argv[1]](Path(sys.argv[2]).read_bytes(), Path(sys.argv[3]))
except RefimplError as error:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("arc", b'{"a":[' + b"[]," * 2_500_000 + b"[]]}"),
        ("arc", b"{" + b",".join(b'"%d":{}' % i for i in range(700_000)) + b"}"),
        ("results", b'{"key":"a","result":{"exact":[' + b"0," * 3_000_000 + b"0]}}\n"),
        ("plan", b"puzzles = [" + b"1," * 500_000 + b"]\n"),
        ("vectors", b"[" * 8_000_000),
        ("network", b"C" + b'{"model":"' + b"x" * 8_000_000 + b'"}'),
    ],
    ids=["lists", "objects", "numbers", "toml", "depth", "text"],
)
def test_memory_stays_below_four_times_the_file_and_200_mib(
    kind: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    command = [sys.executable, "-c", PEAK, kind, str(tmp_path / "file"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True,
                          cwd=DEFAULT_GOLDEN.parent)  # fmt: skip
    assert int(done.stdout) < 4 * len(content) / MIB + 200
