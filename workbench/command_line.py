"""What both command lines share: commands loaded when asked for, ``--version``, examples, exit codes."""

from __future__ import annotations

import argparse
import codecs
import gc
import io
import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module

from refimpl import __version__
from refimpl.errors import DoesNotFit, InputError, NotImplementedHere

NO, BAD_INPUT, INTERRUPTED, CLOSED_PIPE = 1, 2, 130, 141
MOST_NUMBER, MOST_DIGITS = 999_999_999, 12
PLAIN = "plain"
SUBSTITUTES = {
    **dict.fromkeys("─━═╌", "-"), **dict.fromkeys("│┃║", "|"), **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰", "+"),
    "█": "#", "░": ".", "…": "...", "·": ".", "×": "x", "−": "-", "–": "-", "≥": ">=", "≤": "<=", "Δ": "d",
    **dict(zip("▁▂▃▄▅▆▇", "_.-:=+*", strict=True)),
    "²": "2", "°": " ", "’": "'", "“": '"', "”": '"', "•": "*", "←": "<-", "→": "->", "≈": "~",
}  # fmt: skip


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


def number(text: str) -> int:
    """A whole number of up to nine digits, as the argument of an option."""
    try:
        value = int(text) if len(text) <= MOST_DIGITS else MOST_NUMBER + 1
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number") from None
    if abs(value) > MOST_NUMBER:
        raise argparse.ArgumentTypeError(f"{text[:MOST_DIGITS]}... has more than nine digits")
    return value


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
    """Parse, dispatch, and turn every failure that is not a fault of ours into one sentence."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAIN)
    alone, arguments = argv is None, sys.argv[1:] if argv is None else argv
    if alone:  # the process is this command's, and ends with it
        gc.disable()  # what is imported is no garbage: not looked through now, later or at the end
        # Numba imports SciPy, where there is one, for what no kernel of ours does.
        sys.modules.setdefault("scipy", None)  # type: ignore[arg-type]

    def action() -> int:
        args = parser_of(prog, description, commands, arguments).parse_args(arguments)
        if alone:
            gc.freeze()
            gc.enable()
        args.made_by = shlex.join([*prog.split(), *arguments])
        command = commands[args.command]
        code = int(command.function(command.run)(args))
        if sys.stdout is not None:
            sys.stdout.flush()
        return code

    code = guarded(action)
    if alone:
        gc.freeze()
    return code


def guarded(action: Callable[[], int]) -> int:
    """Return the exit code of ``action``, or that of the error it raised, with its sentence on stderr."""
    try:
        return action()
    except (InputError, NotImplementedHere) as error:
        return _said(f"error: {error}", BAD_INPUT)
    except DoesNotFit as error:
        return _said(f"does not fit: {error}", NO)
    except KeyboardInterrupt:
        return _said("interrupted.", INTERRUPTED)
    except BrokenPipeError:
        _silence()
        return CLOSED_PIPE
    except MemoryError:
        return _said("error: there is not enough memory for that.", BAD_INPUT)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        code = _said(f"error: the system refuses: {where}{error.strerror or error}.", BAD_INPUT)
        _silence()
        return code


def _said(sentence: str, code: int) -> int:
    with suppress(OSError, AttributeError):  # nobody listens
        print(sentence, file=sys.stderr)
    return code


def _silence() -> None:
    """Whatever is still to be printed goes nowhere: the interpreter would stumble over it at its end."""
    with suppress(OSError, AttributeError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def plain(error: UnicodeError) -> tuple[str, int]:
    """What a terminal or file without a character shows in its place."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lost = error.object[error.start : error.end]
    return "".join(SUBSTITUTES.get(character, "?") for character in lost), error.end


codecs.register_error(PLAIN, plain)
