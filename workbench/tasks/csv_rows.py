"""Rows of a csv file of puzzles: RFC 4180 quotes, any line ends, a byte order mark, and the usual headers."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from refimpl.errors import InputError
from workbench.files.inputs import MOST_BINARY, read_text

# What public files call the two columns; compared in lower case.
QUESTION = ("question", "puzzle", "quizzes", "quiz", "input", "inputs", "problem")
ANSWER = ("answer", "solution", "solutions", "answers", "output", "outputs", "label", "labels")


@dataclass(frozen=True)
class CsvRow:
    """One puzzle as written; ``line`` is where its row begins, ``answer`` None without such a column."""

    line: int
    question: str
    answer: str | None


def text_of(path: Path) -> str:
    """Return the text of a file, a byte order mark taken off and nothing else."""
    return read_text(path, "the file", MOST_BINARY)


def has_header(first_line: str) -> bool:
    """Say whether a line names a column of questions."""
    return _column(_fields_of(first_line), QUESTION) is not None


def csv_rows(path: Path, text: str) -> Iterator[CsvRow]:
    """Yield the rows of ``text``, the content of ``path``; no field is stripped, blank lines are passed over.

    Raises
    ------
    InputError
        For a header without a column of questions, a row with more or fewer fields than the header, or
        quotes that do not close.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(reader, [])
        question, answer = _column(header, QUESTION), _column(header, ANSWER)
        if question is None:
            raise InputError(f"{path}, line 1 is no csv header that names the columns of puzzles; they are "
                             f"called {', '.join(QUESTION[:3])} and {', '.join(ANSWER[:3])}.")
        begins = reader.line_num + 1
        for fields in reader:
            if fields:
                if len(fields) != len(header):
                    raise InputError(f"{path}, line {begins} has {len(fields)} fields; the header names "
                                     f"{len(header)}.")
                yield CsvRow(begins, fields[question], None if answer is None else fields[answer])
            begins = reader.line_num + 1
    except csv.Error as error:
        raise InputError(f"{path}, line {reader.line_num} is no csv row ({error}).") from error


def _fields_of(line: str) -> list[str]:
    try:
        return next(csv.reader([line]), [])
    except csv.Error:
        return []


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    """The column whose heading comes first in ``names``; headings may have spaces around them."""
    known = [heading.strip().lower() for heading in header]
    return next((known.index(name) for name in names if name in known), None)
