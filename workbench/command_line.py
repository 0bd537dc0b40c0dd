"""What both command lines share: commands loaded when asked for, ``--version``, examples, exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

from refimpl import __version__
from refimpl.errors import DoesNotFit, InputError, NotImplementedHere

NO, BAD_INPUT, INTERRUPTED = 1, 2, 130


@dataclass(frozen=True)
class Command:
    """A command: its functions ``declare(parser)`` and ``run(args) -> exit code`` in a module.

    The module loads when the command is asked for, so that ``quantize --help`` does not pay for the
    laboratory.
    """

    module: str
    help: str
    declare: str = "add_arguments"
    run: str = "run"

    def function(self, name: str) -> Callable[..., int]:
        found: Callable[..., int] = getattr(import_module(self.module), name)
        return found


def examples(parser: argparse.ArgumentParser, *lines: str) -> None:
    """Show ``lines`` (arguments behind the command's name) at the end of ``--help``."""
    parser.epilog = "\n  ".join(["examples:", *(f"{parser.prog} {line}".rstrip() for line in lines)])


def parser_of(
    prog: str, description: str, commands: Mapping[str, Command], arguments: Sequence[str]
) -> argparse.ArgumentParser:
    """The parser of a command line; only the command that ``arguments`` begin with has its own options."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("--version", action="version", version=f"{prog} {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, command in commands.items():
        sub = subparsers.add_parser(name, help=command.help, description=command.help,
                                    formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
        if name in arguments[:1]:
            command.function(command.declare)(sub)
    return parser


def command_line(
    prog: str, description: str, commands: Mapping[str, Command], argv: Sequence[str] | None
) -> int:
    """Parse, dispatch, and turn errors of our own into one sentence."""
    arguments = sys.argv[1:] if argv is None else argv
    args = parser_of(prog, description, commands, arguments).parse_args(arguments)
    command = commands[args.command]
    return guarded(lambda: int(command.function(command.run)(args)))


def guarded(action: Callable[[], int]) -> int:
    """Return the exit code of ``action``, or that of the error it raised, with its sentence on stderr."""
    try:
        return action()
    except (InputError, NotImplementedHere) as error:
        print(f"error: {error}", file=sys.stderr)
        return BAD_INPUT
    except DoesNotFit as error:
        print(f"does not fit: {error}", file=sys.stderr)
        return NO
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return INTERRUPTED
