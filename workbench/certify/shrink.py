"""A failing request made small: fewer rows, columns and elements that still fail."""

from __future__ import annotations

from collections.abc import Callable

from workbench.certify.corpus import Request
from workbench.vectors.signature import Signature, shape_of

ROUNDS = 40
KEPT = {"half", "prefix", "puzzles", "vocab", "block", "blocks", "d"}  # sizes that bind others or name rows


def _smaller(signature: Signature, request: Request, name: str, size: int, last: bool) -> Request:
    """The request with dimension ``name`` cut to its first or last ``size`` entries."""
    inputs, params = request
    new = {**params, name: size}
    cut = {}
    for item in signature.inputs:
        array = inputs[item.name]
        if array is not None:
            old, made = array.shape, shape_of(item.shape, new)
            array = array[
                tuple(slice(a - b, a) if last else slice(b) for a, b in zip(old, made, strict=True))
            ]
        cut[item.name] = array
    return cut, new


def shrunk(signature: Signature, request: Request, fails: Callable[[Request], bool]) -> Request:
    """The smallest request found whose dimensions are a part of ``request``'s and that still ``fails``."""
    sizes = {part for item in signature.inputs for part in item.shape if part in request[1]} - KEPT
    for _ in range(ROUNDS):
        before = request
        for name in sorted(sizes):
            size = request[1][name]
            for wanted in sorted({1, size // 2, size - 1} - {0, size}):
                tries = [_smaller(signature, request, name, wanted, last) for last in (False, True)]
                found = next((small for small in tries if fails(small)), None)
                if found is not None:
                    request = found
                    break
        if request is before:
            return request
    return request
