"""Whatever a file holds, reading it ends with a value or with one sentence."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path

import pytest
from mutated_inputs import mutants, sound
from outside_readers import READERS

from refimpl.errors import RefimplError

SAVED = sorted((Path(__file__).parent / "data" / "readers").glob("*.bin"))
SOUND = sound()
LONGEST_SECONDS = 10.0


def read(kind: str, content: bytes, folder: Path) -> str:
    """The sentence that refuses ``content``, or nothing."""
    start = time.monotonic()
    try:
        READERS[kind](content, folder)
    except RefimplError as error:
        said = str(error)
        assert said.endswith((".", "?"))
        assert len(said) < 2000
        return said
    finally:
        assert time.monotonic() - start < LONGEST_SECONDS
    return ""


@pytest.mark.parametrize("path", SAVED, ids=lambda path: path.stem)
def test_files_that_once_gave_a_traceback_are_refused_with_their_name(path: Path, tmp_path: Path) -> None:
    kind = path.stem.split("-")[0]
    said = read(kind, path.read_bytes(), tmp_path)
    assert str(tmp_path) in said or kind in ("network", "plan", "compare")


@pytest.mark.parametrize("kind", SOUND)
def test_sound_files_are_read(kind: str, tmp_path: Path) -> None:
    if kind not in ("sudoku", "network"):  # a grid of ones is no solved Sudoku; two tensors are no network
        assert [read(kind, content, tmp_path) for content in SOUND[kind]] == [""] * len(SOUND[kind])


def try_mutants(kind: str, count: int, folder: Path, seed: int) -> None:
    contents = SOUND[kind]
    for number, content in enumerate(contents):
        for mutant in islice(mutants(content, seed + number), -(-count // len(contents))):
            try:
                read(kind, mutant, folder)
            except BaseException:
                (folder / "failed").write_bytes(mutant)
                raise


@pytest.mark.parametrize("kind", SOUND)
def test_a_mutated_file_is_read_or_refused(kind: str, tmp_path: Path) -> None:
    """2,000 over all kinds."""
    try_mutants(kind, -(-2000 // len(SOUND)), tmp_path, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", SOUND)
def test_100_000_mutated_files_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    try_mutants(kind, -(-100_000 // len(SOUND)), tmp_path, seed=1000)
