"""docs/own-network.md as it stands: a made-up task from training to equal answers in C by commands alone."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from refimpl.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "own-network.md"


def run(line: str, folder: Path) -> str:
    words = line.split()
    if words[0] == "python":
        words[0] = sys.executable
    env = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    done = subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, f"{line}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_page_goes_from_training_to_the_chip(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    blocks = re.findall(r"```(\w+)(?: (\S+))?\n(.*?)```", PAGE.read_text(), re.DOTALL)
    said = []
    for kind, file, text in blocks:
        if file:
            (tmp_path / file).write_text(text)
        for line in text.splitlines() if kind == "sh" else []:
            if line.startswith("make") and (shutil.which("make") is None or shutil.which("cc") is None):
                pytest.skip("no C compiler: everything before the self-test passed")
            said.append(run(line, tmp_path))
    assert "PASS: 3 puzzles" in said[-1]
    assert any("puzzle right, 1 of 1 cells right" in text for text in said)
    data = str(tmp_path / "sums.npz")
    arguments = [
        "evaluate",
        str(tmp_path / "sums"),
        "--data",
        data,
        "--formats",
        "float,w8c",
        "--format",
        "json",
    ]
    capsys.readouterr()
    assert main(arguments) == 0
    exact = {row["format"]: row["exact"] for row in json.loads(capsys.readouterr().out)["rows"]}
    assert exact["float"] == 1.0
    assert exact["w8c"] >= 0.999
    with np.load(data) as stored:
        assert stored["inputs"].shape == (529, 3)


def test_every_command_of_the_page_is_one_of_ours_with_options_it_knows(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from mcusim.__main__ import main as mcusim

    doors = {"refimpl": main, "mcusim": mcusim}
    lines = re.findall(r"^python -m (refimpl|mcusim) (\S+)(.*)$", PAGE.read_text(), re.MULTILINE)
    assert len(lines) >= 5
    for door, command, rest in lines:
        with pytest.raises(SystemExit) as ended:
            doors[door]([command, "--help"])
        assert ended.value.code == 0
        help_text = capsys.readouterr().out
        for flag in re.findall(r"--[A-Za-z-]+", rest):
            assert flag in help_text, (command, flag)
