"""Real factors as multiplier and shift, and the frozen tables: the border between float and integer.

Tables are made here once and travel in the image; nothing downstream evaluates a transcendental.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from refimpl.errors import InputError
from refimpl.fixedpoint import SHIFT_MAX, SHIFT_MIN, STATE_FRAC_BITS
from refimpl.params import Norm, Silu, Softmax
from refimpl.preconditions import gain_of, of_norm

SOFTMAX_INTEGER_BITS = 5  # Q5.26 argument of the exponential


def multiplier_and_shift(factor: float, where: str = "") -> tuple[int, int]:
    """``factor = multiplier * 2^(shift - 31)`` with multiplier in [2^30, 2^31), or (0, 0) for factor 0.

    A factor so small that the shift would leave -31 becomes (0, 0): its largest product rounds to 0.
    Raises InputError for a negative factor or one of 2^30 and more.
    """
    if factor == 0:
        return 0, 0
    if not factor > 0 or math.isinf(factor):
        raise InputError(f"{where or 'a rescale'}: factor {factor} is not a positive number.")
    mantissa, shift = math.frexp(factor)
    multiplier = round(mantissa * 2**31)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < SHIFT_MIN:
        return 0, 0
    if shift > SHIFT_MAX:
        raise InputError(f"{where or 'a rescale'}: factor {factor:.4g} needs shift {shift} > {SHIFT_MAX}.")
    return multiplier, shift


def multipliers_and_shifts(
    factors: npt.NDArray[np.float64], where: str = ""
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """:func:`multiplier_and_shift` for each row."""
    pairs = [multiplier_and_shift(float(f), where) for f in factors]
    return (np.array([m for m, _ in pairs], np.int32), np.array([s for _, s in pairs], np.int32))


def to_state(values: npt.NDArray[np.floating], where: str) -> npt.NDArray[np.int16]:
    """Round to int16 Q5.10; refused where a value does not fit."""
    codes = np.rint(np.asarray(values, np.float64) * 2**STATE_FRAC_BITS)
    if np.abs(codes).max(initial=0) > 32767:
        raise InputError(f"{where}: magnitude {np.abs(values).max():.1f} exceeds the 32 of the Q5.10 state.")
    return np.asarray(codes.astype(np.int16))


def silu_table(name: str, in_scale: float, out_scale: float) -> Silu:
    """Entry i: ``silu((i - 128) * in_scale) / out_scale``, half to even, saturated."""
    x = np.arange(-128, 128) * in_scale
    with np.errstate(over="ignore"):  # exp(-x) -> inf gives the right limit, 0
        y = x / (1 + np.exp(-x)) / out_scale
    return Silu(name, np.clip(np.rint(y), -128, 127).astype(np.int8))


def norm_constants(name: str, size: int, eps: float) -> Norm:
    """gain and eps of :class:`refimpl.params.Norm`; refused where rows may outgrow Q5.10."""
    if reason := of_norm(size, 1, 1):
        raise InputError(f"{name}: {reason}.")
    return Norm(name, size, gain_of(size), size * round(eps * 2 ** (2 * STATE_FRAC_BITS)))


def softmax_constants(name: str, in_scale: float) -> Softmax:
    """Parameters of an int8 score scale (beta 1), as TFLite prepares them.

    ``diff_min``: differences beyond it underflow the exponential and are skipped.
    """
    factor = min(in_scale * 2 ** (31 - SOFTMAX_INTEGER_BITS), 2.0**31 - 1)
    mantissa, shift = math.frexp(factor)
    multiplier = round(mantissa * 2**31)
    if multiplier == 2**31:
        multiplier, shift = 2**30, shift + 1
    if shift < 0:
        raise InputError(f"{name}: score scale {in_scale:.3g} is too fine for the softmax (shift {shift}).")
    radius = (2**SOFTMAX_INTEGER_BITS - 1) * 2.0 ** (31 - SOFTMAX_INTEGER_BITS) / 2.0**shift
    return Softmax(name, multiplier, shift, -math.floor(radius))
