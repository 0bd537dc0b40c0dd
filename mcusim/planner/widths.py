"""Types of what lies between a site and its linear: they follow from the format and the shapes alone."""

from __future__ import annotations

from refimpl.formats import Format, WeightFormat
from refimpl.models.operators import Leaf

FACTOR_MAX = {"scale": 255, "signed": 128, "exponent": 2**15}
ZERO_POINT_MAX = 128


def activations_type(format: Format, site: Leaf) -> str:
    """Element type of the activations at a linear's input."""
    return f"int{format.activations.width_at(site.name)}"


def sums_type(format: Format, linear: str, inner: int) -> str:
    """Element type of partial sums over ``inner`` inputs: int32 where the format's largest values fit.

    The int32 sums of OP-LINEAR are proved for each model's own weights (:mod:`refimpl.quantize.bounds`).
    """
    if format.plain_at(linear):
        return "int32"
    activation = 1 << format.activations.bits_at(f"{linear}.input") - 1
    return "int32" if inner * activation * largest_weight(format.weights_at(linear)) < 2**31 else "int64"


def largest_weight(weights: WeightFormat) -> int:
    """Largest magnitude of ``(code - zero point) * factor``."""
    code = (1 << weights.bits - 1) + ZERO_POINT_MAX * weights.zero_point
    return code * (FACTOR_MAX[weights.factors] if weights.factors else 1)
