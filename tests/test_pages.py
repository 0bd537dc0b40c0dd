"""A page is one file: it asks no network, reads on a phone, light and dark, and its tables sort."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import pytest

from mcusim.__main__ import main
from refimpl.__main__ import main as refimpl_main
from workbench.lab.report import PARTED, first_divergence
from workbench.render.grid import Grid
from workbench.render.page import page
from workbench.render.plot import Bars, Heat, Lines, Points, drawn

MOST_BYTES = 2 * 2**20
ROOT = Path(__file__).resolve().parents[1]
RUN = ["run", "--steps", "2", "--stop", "fixed"]
PLOTS = (
    Lines("a line", "x", "y", {"s": ([1, 2], [0.5, 0.25])}), Bars("bars", "%", [("a", 1.0)], [(0.5, 2.0)]),
    Points("points", "x", "y", [(1.0, 2.0, "here")], (0,), log_x=True),
    Heat("heat", "call", ["r"], ["0"], [[3.0]]),
)  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    pytest.importorskip("matplotlib")
    folder = tmp_path_factory.mktemp("pages")
    found = {name: folder / f"{name}.html" for name in ("run", "plan", "report")}
    assert main([*RUN, "--html", str(found["run"]), "--out", str(folder / "run.txt")]) == 0
    assert main(["plan", "--html", str(found["plan"]), "--out", str(folder / "plan.txt")]) == 0
    results = [str(ROOT / "results" / name) for name in ("att.jsonl", "parting-mlp.json", "growth-mlp.json")]
    told = ["--html", str(found["report"]), "--plots", str(folder / "plots")]
    assert refimpl_main(["report", *results, *told, "--out", str(folder / "report.txt")]) == 0
    return found


def test_a_page_holds_everything_that_it_needs(pages: dict[str, Path]) -> None:
    for name, path in pages.items():
        text = path.read_text()
        assert len(text.encode()) < MOST_BYTES
        links = re.findall(r"(?:src|href)=\"([^\"]*)\"|url\(([^)]*)\)|@import", text)
        assert [a or b for a, b in links if not (a or b).startswith(("data:", "#"))] == []
        assert f"{name} " in text.rpartition("Made by")[2]
        assert "prefers-color-scheme:dark" in text
        assert "#2021" not in text  # a colour that no theme replaced


def test_a_run_shows_memory_time_and_fidelity_and_a_sweep_its_front(pages: dict[str, Path]) -> None:
    titles = {name: re.findall(r'aria-label="([^"]*)"', path.read_text()) for name, path in pages.items()}
    assert titles["run"] == [
        "arena in sram over the sublayers (width: time)", "time by operator, slow end", "fidelity",
    ]  # fmt: skip
    assert titles["plan"][0].startswith("SRAM against traffic")
    assert "sudoku9-att 2x16: accuracy against bytes" in titles["report"]
    assert "where states first differ: puzzles" in titles["report"]


def test_every_plot_is_written_as_svg_and_pdf(pages: dict[str, Path]) -> None:
    folder = pages["report"].parent / "plots"
    forms = sorted(path.suffix for path in folder.iterdir())
    assert forms == [".pdf"] * (len(forms) // 2) + [".svg"] * (len(forms) // 2)
    assert forms


@pytest.mark.parametrize("plot", PLOTS, ids=lambda plot: type(plot).__name__)
def test_equal_plots_are_equal_files(plot: Lines | Bars | Points | Heat) -> None:
    pytest.importorskip("matplotlib")
    for form in ("svg", "pdf"):
        assert drawn(plot, form) == drawn(plot, form)
    assert plot.title.encode() in drawn(plot)


def test_what_is_put_into_a_page_is_text() -> None:
    grid = Grid("<b>", ("a<i>", "n"), (("<script>", "1"),))
    text = page("<h>", ["<p>"], (), (grid,), ("<q>",), "run '<x>'")
    assert not re.search(r"<(?:b|i|q|h|x)>|<script>1|<td><script>", text)


def test_the_first_difference_is_a_map_of_operators_by_calls() -> None:
    table = Grid("t", PARTED, (("linear a", "1", "5"), ("add", "0", "2"), ("never", "-1", "9")))
    (heat,) = first_divergence([table, Grid("other", ("a",), ())])
    assert isinstance(heat, Heat)
    assert list(heat.rows) == ["linear a", "add"]
    assert heat.values == [[0.0, 5.0], [2.0, 0.0]]


def test_without_matplotlib_a_page_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "a.html"
    assert main(["plan", "--html", str(path), "--out", str(tmp_path / "plan.txt")]) == 2
    assert "pip install matplotlib" in capsys.readouterr().err
    assert not path.exists()


@pytest.mark.slow
def test_a_browser_finds_no_error_asks_no_network_and_sorts(pages: dict[str, Path]) -> None:
    playwright = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no Chromium in PATH")
    with playwright.sync_playwright() as found:
        browser = found.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for path in pages.values():
            for scheme, width in (("light", 1100), ("dark", 390)):
                tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                errors: list[str] = []
                requests: list[str] = []
                tab.on("console", lambda message, errors=errors: errors.append(message.text))
                tab.on("pageerror", lambda error, errors=errors: errors.append(str(error)))
                tab.on("request", lambda request, requests=requests: requests.append(request.url))
                tab.goto(path.as_uri())
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                rows = "[...document.querySelector('table').tBodies[0].rows]"
                cells = f"{rows}.map(r => r.cells[1].textContent)"
                before = tab.evaluate(cells)
                tab.click("th >> nth=1")
                tab.click("th >> nth=1")
                assert sorted(tab.evaluate(cells)) == sorted(before)
                up = tab.evaluate(cells)
                tab.click("th >> nth=1")
                down = tab.evaluate(cells)
                assert up == down[::-1] or len(set(up)) < len(up)
                assert errors == []
                assert requests == [path.as_uri()]
                tab.close()
        browser.close()
