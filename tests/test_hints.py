"""Every command that a sentence of the program recommends works as it is printed."""

from __future__ import annotations

import ast
import json
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mcusim.__main__ import main as mcusim
from refimpl.__main__ import main as refimpl
from workbench.checkpoints import write_npz
from workbench.model_config import model_config
from workbench.networks import find_network
from workbench.seeded import seeded_tensors

ROOT = Path(__file__).resolve().parents[1]
DOORS: dict[str, Callable[[list[str]], int]] = {"refimpl": refimpl, "mcusim": mcusim}
SUMS = {"model": "trm", "task": "sums", "seq_len": 3, "vocab_size": 7, "hidden_size": 8, "num_heads": 2,
        "L_layers": 1, "H_cycles": 1, "L_cycles": 1, "halt_max_steps": 2,
        "channel_intermediate_size": 8}  # fmt: skip
SUDOKU = SUMS | {"task": "sudoku", "seq_len": 16, "vocab_size": 6, "halt_max_steps": 1}


@pytest.fixture(params=["sums", "sudoku"])
def folder(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An uncalibrated network in a folder whose name needs quotes, with puzzles in FILE."""
    path = tmp_path / "my networks" / request.param
    path.mkdir(parents=True)
    config = model_config(SUMS if request.param == "sums" else SUDOKU)
    (path / "config.json").write_text(json.dumps(config.to_dict()))
    write_npz(path / "weights.npz", seeded_tensors(config, 1))
    inputs = np.random.default_rng(0).integers(1, 6, (12, config.seq_len))
    np.savez(tmp_path / "puzzles.npz", inputs=inputs, labels=inputs)
    (tmp_path / "puzzles.npz").rename(tmp_path / "FILE")
    monkeypatch.chdir(tmp_path)
    return path


def recommended(text: str) -> list[list[str]]:
    """The commands between backquotes in a text."""
    found = re.findall(r"`(python -m [^`]+)`", " ".join(text.split()))
    return [shlex.split(command)[2:] for command in found]


def follow(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert DOORS[command[0]](command[1:]) == 0, capsys.readouterr().err


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """Run what is refused, and return the one command that its sentence recommends."""
    capsys.readouterr()
    assert refimpl(list(arguments)) == 2
    [command] = recommended(capsys.readouterr().err)
    return command


def test_a_network_without_ranges_names_the_command_that_takes_them(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("evaluate", str(folder), "--data", "FILE", "--formats", "w8c")
    follow(refused(capsys, *asked), capsys)
    assert refimpl(list(asked)) == 0


def test_ranges_of_other_weights_name_the_command_that_takes_them_anew(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refimpl(["calibrate", str(folder), "--data", "FILE"]) == 0
    config = model_config(json.loads((folder / "config.json").read_text()))
    write_npz(folder / "weights.npz", seeded_tensors(config, 2))
    asked = ("evaluate", str(folder), "--data", "FILE", "--formats", "w8c")
    follow(refused(capsys, *asked), capsys)
    assert refimpl(list(asked)) == 0


def test_a_folder_of_a_run_names_the_command_that_imports_it_and_that_the_next(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "weights.npz").rename(folder / "step_1.npz")
    follow(refused(capsys, "evaluate", str(folder), "--data", "FILE"), capsys)
    said = capsys.readouterr().out
    assert "Next:" in said
    [after] = recommended(said)
    follow(after, capsys)
    follow(["refimpl", "evaluate", "my-network", "--data", "FILE", "--formats", "float,w8c"], capsys)


def test_every_remedy_of_a_run_that_does_not_fit_does_what_it_says(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["run", "--model", "sudoku6-mlp", "--weights", "w8c", "--steps", "1", "--no-fidelity"]
    assert mcusim([*base, "--budget", "200KB", "--format", "json"]) == 1
    remedies = json.loads(capsys.readouterr().out)["remedies"]
    flags = [re.match(r"(--\S+) (\S+) (is|saves|fits)", remedy) for remedy in remedies]
    named = {match[1]: match for match in flags if match}
    assert "--budget" in named
    smallest = named["--budget"][2]
    assert mcusim([*base, "--budget", smallest]) == 0
    less = f"{int(smallest.removesuffix('KB')) - 1}KB"
    assert mcusim([*base, "--budget", less]) == 1


def test_a_format_without_tiled_kernels_names_the_command_that_measures_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    shutil.copytree(find_network("sudoku6-mlp").folder, tmp_path / "net")
    assert mcusim(["run", "--model", str(tmp_path / "net"), "--weights", "w4g32"]) in (0, 2)
    for command in recommended(capsys.readouterr().err):
        assert command[:2] == ["refimpl", "evaluate"]
        follow([*command, "--puzzles", "2", "--steps", "1"], capsys)


PLACES = {"NETWORK": "sudoku6-mlp", "FORMAT": "w8c", "FILE": "x.img", "NAME": "stm32h743"}
# Hints that the tests above take from a sentence and follow, by the module that prints them.
FOLLOWED = {"workbench/networks.py", "workbench/checkpoints/networks.py", "mcusim/fitting/report.py",
            "workbench/checkpoints/importing.py", "mcusim/commands/explain.py"}  # fmt: skip
# Said once more without one: how a program is called, and who made a file.
NAMES = {"workbench/main.py", "workbench/vectors/export_c.py", "workbench/tasks/ship.py",
         "mcusim/__main__.py"}  # fmt: skip


def texts(path: Path) -> list[str]:
    """The texts of a module without its docstrings."""
    tree = ast.parse(path.read_text())
    bodies = [node.body for node in ast.walk(tree) if hasattr(node, "body") and isinstance(node.body, list)]
    said = {id(body[0].value) for body in bodies if body and isinstance(body[0], ast.Expr)}
    constants = (node for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in said)
    return [node.value for node in constants if isinstance(node.value, str)]


def hints() -> tuple[set[str], list[list[str]]]:
    """Modules that print commands, and those commands that need no words of the moment."""
    modules, found = set(), []
    for package in ("refimpl", "workbench", "mcusim"):
        for path in (ROOT / package).rglob("*.py"):
            for text in texts(path):
                if "python -m" in text:
                    modules.add(path.relative_to(ROOT).as_posix())
                    found += recommended(text)
    return modules, found


def test_every_command_that_is_printed_whole_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    commands = {tuple(PLACES.get(word, word) for word in command) for command in hints()[1]}
    assert len(commands) >= 4
    for command in sorted(commands):
        # The two that plan and run whole deployments have tests of their own; here they are asked for help.
        longer = ("mcusim", "check"), ("mcusim", "plan"), ("mcusim", "run")
        if command[:2] in longer:
            with pytest.raises(SystemExit) as ended:
                DOORS[command[0]]([*command[1:], "--help"])
            assert ended.value.code == 0
        else:
            follow(list(command), capsys)


def test_no_module_prints_a_command_that_no_test_follows() -> None:
    whole = {path for path in hints()[0] if path not in FOLLOWED | NAMES}
    assert all(recommended(text) or "python -m" not in text for path in whole for text in texts(ROOT / path))


def test_the_plan_that_explain_recommends_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert mcusim(["explain", "sudoku-mlp-int4", "--part", "max78000"]) in (1, 2)
    [command] = recommended(capsys.readouterr().err)
    assert command[:2] == ["mcusim", "plan"]
    assert mcusim([*command[1:]]) == 1  # of the same part


def test_no_sentence_recommends_a_command_in_other_quotes() -> None:
    """A hint stands between backquotes, where these tests find it."""
    for package in ("refimpl", "workbench", "mcusim"):
        for path in (ROOT / package).rglob("*.py"):
            hints = re.findall(r"'(?:python -m|mcusim|refimpl) [a-z][^'\n]*'", " ".join(texts(path)))
            about = ("Generated by", "'mcusim run' finds them", "'mcusim run' asks for")
            assert not [hint for hint in hints if not any(a in " ".join(texts(path)) for a in about)], path
