"""Every form of a report says the same facts."""

from __future__ import annotations

import contextlib
import io
import json
import re

import pytest

from mcusim.__main__ import main

RUN = ["run", "--steps", "2", "--no-fidelity", "--stop", "fixed"]


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    said = {}
    for form in ("json", "md", "html", "svg", "text"):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert main([*RUN, "--format", form]) == 0
        said[form] = out.getvalue()
    return said


def _plain(form: str, text: str) -> str:
    return re.sub(r"<[^>]*>|&#160;|[*|]", " ", text).replace("\xa0", " ") if form != "text" else text


@pytest.mark.parametrize("form", ["md", "html", "svg", "text"])
def test_the_verdict_and_the_bytes_stand_in_every_form(form: str, forms: dict[str, str]) -> None:
    facts = json.loads(forms["json"])
    plain = re.sub(r"\s+", " ", _plain(form, forms[form]))
    assert "FITS" in plain
    assert f"{facts['budget']['everything']:,}" in plain
    assert f"{facts['budget']['weights_only']:,}" in plain
    for region in facts["regions"]:
        assert f"{region['used']:,}" in plain
    assert f"the answer is {'right' if facts['puzzle']['right'] else 'wrong'}" in plain


def test_equal_runs_give_equal_files(forms: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "svg", "md"):
        main([*RUN, "--format", form])
        assert capsys.readouterr().out == forms[form]


@pytest.mark.parametrize("width", [80, 120])
def test_no_cell_is_cut_at_80_or_120_columns(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    main([*RUN[:1], "--no-fidelity", "--stop", "fixed"])
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    # The one ellipsis is the row that stands for the cycles left out.
    assert sum("…" in line for line in lines) == 1
