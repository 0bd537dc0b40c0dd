"""A dataclass from the fields of a file, by its annotations: the one place where outside becomes typed."""

from __future__ import annotations

import types
from dataclasses import MISSING, fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from refimpl.errors import InputError
from refimpl.formats import Format, parse_format
from workbench.files.fields import Fields

T = TypeVar("T")
ARTICLES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def build(source: Fields, kind: type[T], **given: Any) -> T:
    """Return ``kind`` from ``source``: every key a field of it, every value of the annotated type.

    Fields in ``given`` are taken as they are.  A field with a default may be missing.  Known annotations:
    int, float, str, bool, Literal of texts, tuples of those, ``X | None``, dataclasses of
    them, and a Format by its spelling.

    Raises
    ------
    InputError
        With the place of a key that is missing, unknown or of another type, or of the part that
        ``kind`` itself refuses.
    """
    hints, values = get_type_hints(kind), dict(given)
    for item in fields(kind):  # type: ignore[arg-type]
        if item.name in given:
            source.has(item.name)
        elif source.has(item.name) or (item.default is MISSING and item.default_factory is MISSING):
            values[item.name] = _value(source, item.name, hints[item.name])
    source.finish()
    try:
        return kind(**values)
    except InputError as error:
        raise source.error(str(error)) from error


def _value(source: Fields, key: str, hint: Any) -> Any:
    if get_origin(hint) in (types.UnionType, Union):
        if source.has(key) and source.data[key] is None:
            return None
        [hint] = [option for option in get_args(hint) if option is not type(None)]
    if get_origin(hint) is Literal:
        return source.choice(key, get_args(hint))
    if get_origin(hint) is tuple:
        return _items(source, key, get_args(hint))
    if hint is Format:
        return parse_format(source.text(key))
    if is_dataclass(hint):
        return build(source.table(key), hint)  # type: ignore[arg-type]
    if hint is int:
        return source.whole(key, -(2**63))
    if hint is float:
        return source.number(key)
    return source.get(key, hint, ARTICLES[hint])


def _items(source: Fields, key: str, hints: tuple[Any, ...]) -> tuple[Any, ...]:
    if is_dataclass(hints[0]):
        return tuple(build(row, hints[0]) for row in source.tables(key))  # type: ignore[arg-type]
    accepted = (int, float) if hints[0] is float else hints[0]
    values = source.listed(key, accepted, f"values, each {ARTICLES[hints[0]]}")
    if len(hints) == 2 and hints[1] is ...:
        return tuple(map(hints[0], values))
    if len(values) != len(hints):
        raise source.error(f"{source.label(key)} has {len(values)} values; it must have {len(hints)}.", key)
    return tuple(map(hints[0], values))
