"""Every form of a report says the same facts."""

from __future__ import annotations

import contextlib
import io
import json
import re

import pytest

from mcusim.__main__ import main

RUN = ["run", "--full", "--steps", "2", "--no-fidelity", "--stop", "fixed"]


@pytest.fixture(scope="module")
def forms() -> dict[str, str]:
    said = {}
    for form in ("json", "md", "svg", "text"):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert main([*RUN, "--format", form]) == 0
        said[form] = out.getvalue()
    return said


def _plain(form: str, text: str) -> str:
    return re.sub(r"<[^>]*>|&#160;|[*|]", " ", text).replace("\xa0", " ") if form != "text" else text


@pytest.mark.parametrize("form", ["md", "svg", "text"])
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


@pytest.mark.parametrize("width", [60, 80, 120])
@pytest.mark.parametrize("args", [["run", "--full", "--no-fidelity", "--stop", "fixed"], ["plan"],
                                  ["parts", "stm32h743"], ["deployments"]])  # fmt: skip
def test_no_cell_of_a_table_is_cut_at_60_to_120_columns(
    args: list[str], width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(args) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    # The ellipsis that stands alone is the row of the cycles left out.
    assert not [line for line in lines if re.search(r"\S…", line)]
