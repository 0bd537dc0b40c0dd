"""A failing request made small: fewer rows, columns and elements other than 0 that still fail."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from workbench.certify.corpus import Request
from workbench.vectors.signature import Signature, shape_of

ROUNDS = 40
LARGE = 64  # elements of an array that are tried one by one; of larger ones, parts
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


def _spans(count: int) -> list[slice]:
    """Parts of an array to make 0: halves, quarters, down to single elements where these are few."""
    spans, size = [], count
    while size >= 1 and count // size <= LARGE:
        spans += [slice(at, at + size) for at in range(0, count, size)]
        size //= 2
    return spans


def _sparse(request: Request, fails: Callable[[Request], bool]) -> Request:
    """The request with as many elements 0 as can be while it still ``fails``."""
    for name, array in request[0].items():
        for span in _spans(0 if array is None else array.size):
            flat = np.array(request[0][name])
            if flat.reshape(-1)[span].any():
                flat.reshape(-1)[span] = 0
                tried = {**request[0], name: flat}, request[1]
                request = tried if fails(tried) else request
    return request


def shrunk(signature: Signature, request: Request, fails: Callable[[Request], bool]) -> Request:
    """The smallest request found that still ``fails``: a part of ``request`` whose elements are its or 0."""
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
            break
    return _sparse(request, fails)
