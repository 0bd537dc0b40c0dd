"""The kernel sources that a program needs and no more: found by name from what its own files call."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from refimpl.errors import InputError
from workbench.files.inputs import read_text
from workbench.shipped import shipped
from workbench.vectors.files import DEFAULT_GOLDEN

FIRMWARE = shipped("firmware") / "src"
ABI_HEADER = "rr_abi.h"

_INCLUDE = re.compile(r'^\s*#include "([^"]+)"', re.MULTILINE)
# A function defined at the left margin, declaration and body: `int32_t rr_silu(...)\n{`.
_DEFINED = re.compile(r"^(static )?[A-Za-z_][\w \*]*?\b(rr_\w+)\([^;{}]*\)\s*\{", re.MULTILINE)
# A function declared there: `int32_t rr_silu(...);`.
_DECLARED = re.compile(r"^[A-Za-z_][\w \*]*?\brr_\w+\([^;{}]*\);", re.MULTILINE)
_CALL = re.compile(r"\b(rr_\w+)\(")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)


def firmware_sources() -> dict[str, str]:
    """Name -> text of every file of the portable firmware and of the header its operators are declared in."""
    if not FIRMWARE.is_dir():
        raise InputError(f"the C sources ({FIRMWARE}) are missing; export needs a copy of the repository.")
    paths = [*sorted(FIRMWARE.glob("rr_*.[ch]")), DEFAULT_GOLDEN / "c" / ABI_HEADER]
    return {path.name: read_text(path, "the C source") for path in paths}


def needed(own: Mapping[str, str], library: Mapping[str, str]) -> dict[str, str]:
    """The files of ``library`` that the program ``own`` (name -> text) needs.

    A source file is needed when it defines a function that a needed file calls (several may: one for each
    kind of core), a header when a needed file includes it.
    """
    where: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in library.items():
        if name.endswith(".c"):
            for static, function in _DEFINED.findall(_COMMENT.sub("", text)):
                if not static:
                    where[function].append(name)
    for text in own.values():
        for _, function in _DEFINED.findall(_COMMENT.sub("", text)):
            where.pop(function, None)
    found: dict[str, str] = {}
    waiting = list(own.items())
    while waiting:
        of, text = waiting.pop()
        text = _COMMENT.sub("", text)
        wanted = [name for name in _INCLUDE.findall(text) if name in library and name not in own]
        if of not in own and of.endswith(".h"):  # a header declares much that nobody calls
            text = _DECLARED.sub("", text)
        wanted += [name for function in _CALL.findall(text) for name in where.get(function, ())]
        for name in dict.fromkeys(wanted):
            if name not in found:
                found[name] = library[name]
                waiting.append((name, library[name]))
    return dict(sorted(found.items()))
