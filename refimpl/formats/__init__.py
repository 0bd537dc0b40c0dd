"""Number formats: :class:`Format` and its spelling, one file a family of weight formats."""

from refimpl.formats.activations import (
    ACTIVATIONS,
    CARRIES,
    ActivationFormat,
    Carry,
    parse_activations,
    parse_carry,
)
from refimpl.formats.format import (
    EXACT,
    FLOAT32,
    FORMATS,
    Format,
    as_format,
    parse_format,
    parse_rounding,
    parse_weights,
)
from refimpl.formats.weights import QuantizedWeights, StoredWeights, WeightFormat

__all__ = [
    "ACTIVATIONS", "CARRIES", "EXACT", "FLOAT32", "FORMATS", "ActivationFormat", "Carry", "Format",
    "QuantizedWeights", "StoredWeights", "WeightFormat", "as_format", "parse_activations",
    "parse_carry", "parse_format", "parse_rounding", "parse_weights",
]  # fmt: skip
