"""Which parts, cores and deployments exist: those that ship, and those of a user's ``--catalogue`` folder.

A file's name without ``.toml`` is the entry's name; its key ``kind`` says what it is, so one folder
may hold all kinds.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from mcusim.toml_checks import Table, read_table
from refimpl.errors import InputError, unknown_name

Kind = Literal["part", "core", "deployment"]
KINDS: tuple[Kind, ...] = get_args(Kind)

SHIPPED = Path(__file__).resolve().parent / "data"


def entries(kind: Kind, data: Path | None = None) -> dict[str, Path]:
    """Return name -> file of every entry of ``kind``, sorted by name.

    Raises
    ------
    InputError
        When ``data`` is no folder, or one of its names is taken.
    """
    found = {path.stem: path for path in SHIPPED.joinpath(f"{kind}s").glob("*.toml")}
    if data is not None:
        if not data.is_dir():
            raise InputError(f"the data folder {data} does not exist.")
        for path in sorted(data.rglob("*.toml")):
            if read_table(path).choice("kind", KINDS) != kind:
                continue
            if path.stem in found:
                raise InputError(f"{path}: there is a {kind} {path.stem!r} already ({found[path.stem]}); "
                                 "rename the file.")
            found[path.stem] = path
    return dict(sorted(found.items()))


def entry(kind: Kind, name: str, data: Path | None = None) -> Table:
    """Return the parsed file of the entry called ``name``; an unknown name suggests the nearest."""
    found = entries(kind, data)
    if name not in found:
        raise unknown_name(kind, name, found)
    table = read_table(found[name])
    table.choice("kind", (kind,))
    return table
