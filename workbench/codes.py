"""Codes of linears that were found by looking at data, kept beside the weights that they stand for.

``codes.npz`` holds, for each weight format that has any, codes and scales of every linear; a network beside
it is lowered with them in place of rounding to the nearest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from refimpl.errors import InputError
from refimpl.float_params import Linear
from refimpl.formats import Format, QuantizedWeights, WeightFormat
from refimpl.formats.format import default_of
from refimpl.quantize.lower import QuantizeRule
from workbench.checkpoints.archive import open_zip
from workbench.checkpoints.npz import read_npz, write_arrays

FILE = "codes.npz"
WEIGHTS = "weights"
Codes = Mapping[str, QuantizedWeights]  # by linear


def weights_of(format: Format) -> str:
    """The spelling of a format's weights alone, such as ``w4c`` or ``w4c+lm_head=w8c``."""
    alone = replace(default_of(format.weights), overrides=format.overrides)
    head, *overrides = str(alone).split("+")
    return "+".join([head.partition("-")[0], *overrides])


@dataclass(frozen=True)
class _Stored:
    """A :data:`refimpl.quantize.lower.QuantizeRule` that looks codes up."""

    codes: Codes
    name: str

    def __call__(self, p: Linear, fmt: WeightFormat) -> QuantizedWeights:
        found = self.codes.get(p.name)
        if found is None or found.codes.shape != p.weight.shape:
            raise InputError(f"the codes of {self.name} do not have the linear {p.name} in the shape of this "
                             "network; find them anew.")
        if int(found.codes.max(initial=0)) > fmt.qmax or int(found.codes.min(initial=0)) < -fmt.qmax:
            raise InputError(f"the codes of {self.name} at {p.name} are outside {fmt.name}.")
        return found


def rule_of(codes: Codes, name: str) -> QuantizeRule:
    """The rule that gives each linear its ``codes``; ``name`` says in errors of what."""
    return _Stored(codes, name)


def digest_of(codes: Codes) -> str:
    """SHA-256 of codes and scales, in hex."""
    found = hashlib.sha256()
    for name, one in sorted(codes.items()):
        found.update(f"{name} {one.codes.shape} ".encode())
        found.update(np.ascontiguousarray(one.codes, np.int8).tobytes())
        found.update(np.ascontiguousarray(one.scale, "<f8").tobytes())
    return found.hexdigest()


def write(path: Path, digest: str, codes: Mapping[str, Codes]) -> None:
    """Write the codes of each weight format, for the weights with ``digest``."""
    arrays = {WEIGHTS: np.frombuffer(bytes.fromhex(digest), np.uint8)}
    for name, linears in codes.items():
        for linear, one in linears.items():
            arrays[f"{name}/{linear}/codes"] = np.asarray(one.codes, np.int8)
            arrays[f"{name}/{linear}/scale"] = np.asarray(one.scale, np.float64)
    write_arrays(path, arrays)


def read(path: Path, digest: str) -> dict[str, dict[str, QuantizedWeights]]:
    """Codes by weight format and linear.

    Raises
    ------
    InputError
        For a damaged file, or one that belongs to other weights.
    """
    with open_zip(path) as archive:
        arrays = read_npz(archive, path)
    bound = arrays.pop(WEIGHTS, np.zeros(0, np.uint8))
    if bound.tobytes().hex() != digest:
        raise InputError(f"{path} belongs to other weights than those beside it; remove it, or find the "
                         "codes anew.")
    found: dict[str, dict[str, QuantizedWeights]] = {}
    for key, codes in arrays.items():
        name, _, rest = key.partition("/")
        linear, _, what = rest.rpartition("/")
        if what == "scale" and f"{name}/{linear}/codes" in arrays:
            continue
        scale = arrays.get(f"{name}/{linear}/scale")
        if what != "codes" or codes.dtype != np.int8 or codes.ndim != 2 or scale is None:
            raise InputError(f"{path}: {key} is not the codes (int8, two axes) of a linear with its scale.")
        if scale.dtype != np.float64 or scale.shape != codes.shape[:1]:
            raise InputError(f"{path}: {name}/{linear}/scale must be one float64 a row of its codes.")
        if not (np.isfinite(scale) & (scale > 0)).all():
            raise InputError(f"{path}: a scale of {name}/{linear} is not above 0.")
        found.setdefault(name, {})[linear] = QuantizedWeights(codes, scale)
    return found
