"""Both command lines speak one dialect."""

from __future__ import annotations

import argparse
import gc
import shlex
import subprocess
import sys
from collections.abc import Iterator

import pytest

import mcusim.__main__
import workbench.main
from mcusim.deployments import DEFAULT_DEPLOYMENT
from refimpl import __version__
from workbench.command_line import Command, parser_of

DOORS = {
    workbench.main.PROG: workbench.main.COMMANDS,
    mcusim.__main__.PROG: mcusim.__main__.COMMANDS,
}
MAIN = {workbench.main.PROG: workbench.main.main, mcusim.__main__.PROG: mcusim.__main__.main}
each_command = pytest.mark.parametrize(
    ("prog", "command"), [(prog, command) for prog, commands in DOORS.items() for command in commands]
)


def options(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every option of a parser and of its commands' parsers."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from options(below)
        else:
            yield action


def printed(capsys: pytest.CaptureFixture[str], prog: str, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        MAIN[prog](list(arguments))
    assert stopped.value.code == 0
    return capsys.readouterr().out


ALONE = """
import gc, sys
from mcusim.__main__ import main
sys.argv = ["mcusim", "run", "--no-fidelity"]
assert main() == 0
assert "numba.np.arraymath" in sys.modules and sys.modules["scipy"] is None
assert gc.isenabled() and gc.get_freeze_count() > 0
"""


def test_a_process_of_a_command_alone_imports_no_scipy_and_does_not_look_for_garbage_among_modules() -> None:
    subprocess.run([sys.executable, "-c", ALONE], stdout=subprocess.DEVNULL, check=True)


def test_a_command_called_from_python_leaves_scipy_and_garbage_to_its_caller(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = gc.isenabled(), gc.get_freeze_count(), sys.modules.get("scipy")
    assert mcusim.__main__.main(["parts"]) == 0
    assert (gc.isenabled(), gc.get_freeze_count(), sys.modules.get("scipy")) == before


@pytest.mark.parametrize("prog", DOORS)
def test_each_says_its_version(prog: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, prog, "--version") == f"{prog} {__version__}\n"


@each_command
def test_every_help_ends_with_examples_that_parse(
    prog: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = printed(capsys, prog, command, "--help")
    lines = shown[shown.index("examples:") :].splitlines()[1:]
    assert lines
    for line in lines:
        assert line.strip().startswith(f"{prog} {command}")
        arguments = shlex.split(line)[len(prog.split()) :]
        parser_of(prog, "", DOORS[prog], arguments).parse_args(arguments)


@each_command
def test_one_thing_has_one_flag(prog: str, command: str) -> None:
    """--format is the form of a report, --out the file it goes to; depth is spelled as in the papers."""
    for option in options(parser_of(prog, "", DOORS[prog], [command])):
        assert not {"--json", "--svg", "--markdown", "--h-cycles", "--deployment"} & {*option.option_strings}
        if "--format" in option.option_strings:
            assert option.choices == ("text", "json", "md", "svg")


def test_run_plan_explain_and_export_speak_of_the_same_deployment() -> None:
    for command in ("run", "plan", "explain", "export"):
        parser = parser_of("mcusim", "", mcusim.__main__.COMMANDS, [command])
        chosen = [o for o in options(parser) if o.dest == "deployment"]
        assert f"default {DEFAULT_DEPLOYMENT}" in chosen[0].help
        words = [command, *["out"] * (command == "export"), "hrm-maze-int4"]
        assert parser.parse_args(words).deployment == "hrm-maze-int4"
        flags = {flag for option in options(parser) for flag in option.option_strings}
        assert {"--model", "--weights", "--activations", "--carry", "--rounding", "--H-cycles", "--steps",
                "--part", "--catalogue", "--stop", "--retries", "--check-tiles",
                "--budget"} <= flags  # fmt: skip


def test_a_command_loads_only_when_it_is_asked_for() -> None:
    commands = {"lost": Command("no.such.module", "nothing")}
    assert parser_of("prog", "", commands, []).prog == "prog"
    with pytest.raises(ModuleNotFoundError):
        parser_of("prog", "", commands, ["lost"])
