"""What a port declares of itself, read from a TOML file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from refimpl.errors import InputError, shown, unknown_name
from refimpl.formats import parse_format
from workbench.files.fields import Fields
from workbench.files.inputs import read_toml
from workbench.vectors.signatures import ROUNDING_NAMES, SIGNATURES

REACHES = ("library", "command", "device")
MOST_SECONDS, MOST_BAUD, MOST_STACK = 3600, 12_000_000, 2**31 - 1


@dataclass(frozen=True)
class Port:
    """What a port declares.

    It is reached by exactly one of: a shared ``library``; a ``command`` that answers on its standard output
    what comes in on its standard input (a program, an emulator with ``-serial stdio``); a serial ``device``.
    ``formats`` are those of whole models (none: only operators); ``stack_bytes`` 0 declares no limit.
    """

    name: str
    operators: tuple[str, ...]
    formats: tuple[str, ...] = ()
    rules: tuple[str, ...] = ROUNDING_NAMES
    library: Path | None = None
    command: tuple[str, ...] = ()
    device: Path | None = None
    baud: int = 115200
    timeout_s: int = 30
    stack_bytes: int = 0

    @property
    def reached_by(self) -> str:
        """In words, for the certificate."""
        if self.library is not None:
            return f"library {self.library}"
        return f"device {self.device}" if self.device is not None else f"command {' '.join(self.command)}"


def _named(table: Fields, key: str, known: tuple[str, ...], kind: str) -> tuple[str, ...]:
    """A list of ``known`` names, or "all"."""
    if table.has(key) and table.data[key] == "all":
        return known
    names = tuple(table.listed(key, str, f"names of {kind}s"))
    for name in names:
        if name not in known:
            raise table.error(str(unknown_name(kind, name, known)), key)
    return names


def _formats(table: Fields, known: tuple[str, ...]) -> tuple[str, ...]:
    """Formats in any spelling, or "all"."""
    if table.data["formats"] == "all":
        return known
    names = tuple(str(parse_format(name)) for name in table.listed("formats", str, "number formats"))
    for name in names:
        if name not in known:
            raise table.error(
                f"there is no trace in the format {name}; there are {', '.join(known)}.", "formats"
            )
    return names


def read_port(path: Path, formats: tuple[str, ...]) -> Port:
    """The declaration in ``path``, to which its paths are relative; traces exist for ``formats``."""
    table = read_toml(path, "the port")
    name = table.text("name")
    operators = _named(table, "operators", tuple(SIGNATURES), "operator")
    if not operators:
        raise InputError(f"{path}: operators is empty; a certificate needs at least one.")
    given = [key for key in REACHES if table.has(key)]
    if len(given) != 1:
        raise table.error(
            f"a port is reached by one of {', '.join(REACHES)}, not by {', '.join(given) or 'none'}."
        )
    command = tuple(table.listed("command", str, "words")) if "command" in given else ()
    if "command" in given and not command:
        raise table.error(f"command is {shown([])}; it must be a list of words.", "command")
    port = Port(
        name,
        operators,
        _formats(table, formats) if table.has("formats") else (),
        table.texts("rules", ROUNDING_NAMES) if table.has("rules") else ROUNDING_NAMES,
        path.parent / table.text("library") if "library" in given else None,
        command,
        path.parent / table.text("device") if "device" in given else None,
        table.whole("baud", 300, MOST_BAUD) if table.has("baud") else Port.baud,
        table.whole("timeout_s", 1, MOST_SECONDS) if table.has("timeout_s") else Port.timeout_s,
        table.whole("stack_bytes", 1, MOST_STACK) if table.has("stack_bytes") else Port.stack_bytes,
    )
    table.finish()
    return port
