"""Weight-only emulation: float models whose weights went through a format and back.

This is the setting in which the published tables were measured: activations and carry stay float.  It is
no integer program, and every table that shows it says so.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import replace

import numpy as np

from refimpl.errors import unknown_name
from refimpl.float_params import Floats, Linear
from refimpl.models.tree import Model
from refimpl.quantize.rewrite import map_linears
from refimpl.quantize.weights import FORMATS, parse_format, quantize_weights

EXACT = "fp32"


def fake_quantize(weight: Floats, name: str, where: str = "") -> Floats:
    """``weight`` rounded to the format ``name`` and back, in its own dtype.

    ``fp32`` changes nothing.  ``noise<s>`` adds normal noise of ``s`` times the tensor's standard
    deviation, from a stream seeded by ``where``: the zero-mean control of the published study.
    """
    if name == EXACT:
        return weight
    if name.startswith("noise"):
        generator = np.random.default_rng(zlib.crc32(where.encode()))
        noise = generator.standard_normal(weight.shape) * (noise_level(name) * float(weight.std()))
        return (weight + noise).astype(weight.dtype)
    return quantize_weights(weight, parse_format(name)).dequantize().astype(weight.dtype)


def noise_level(name: str) -> float:
    """``noise0.05`` -> 0.05."""
    match = re.fullmatch(r"noise(\d+(?:\.\d+)?)", name)
    if match is None:
        raise unknown_name("weight format", name, (*FORMATS, "noise0.05"))
    return float(match[1])


def weight_only(model: Model, name: str) -> Model:
    """The float ``model`` with every linear, heads included, fake-quantized."""

    def rule(p: Linear) -> Linear:
        return replace(p, weight=fake_quantize(p.weight, name, p.name))

    return map_linears(model, rule)
