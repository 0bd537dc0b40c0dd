"""Stop rules as people write them."""

from __future__ import annotations

from dataclasses import fields

from refimpl.errors import InputError
from refimpl.formats import parse_format
from refimpl.models.halting import LIMITS, StopRule


def parse_stop(text: str) -> StopRule:
    """A rule from its spelling, such as ``head+settled,t=40,over=step,more=2,by=w8c``."""
    kind, *rest = text.split(",")
    values: dict[str, int | str] = {}
    for part in rest:
        name, equals, value = part.partition("=")
        known = [f.name for f in fields(StopRule)[1:]]
        if not equals or name not in known:
            raise InputError(f"stop rule {text!r}: {part!r} is none of {'=, '.join(known)}=.")
        values[name] = int(value) if name in LIMITS and value.isascii() and value.isdigit() else value
    if "by" in values:
        values["by"] = str(parse_format(str(values["by"])))
    return StopRule(kind, **values)  # type: ignore[arg-type]  # what is wrong is refused by the rule itself
