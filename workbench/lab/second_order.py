"""Calibrations that look at data: clip search by output error, error feedback (after GPTQ), activation clips.

The output error of a linear whose weights move by ``e`` (one row) is ``e H e^T`` with ``H = sum x x^T`` over
the inputs it sees in a float run on calibration puzzles.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from refimpl import float_ops
from refimpl.errors import InputError
from refimpl.float_params import Floats, Linear
from refimpl.formats import Format, QuantizedWeights, WeightFormat
from refimpl.formats.symmetric import Symmetric
from refimpl.formats.weights import SCALE_FLOOR, Float64s
from refimpl.models.operators import Array
from refimpl.models.recursion import run
from refimpl.models.tree import Model
from refimpl.quantize.calibration import Calibration
from refimpl.quantize.lower import QuantizeRule
from workbench.lab.rewrite import linears
from workbench.sites import SiteOps

Method = Literal["minmax", "clip", "feedback"]
CLIPS = tuple(np.round(np.arange(1.0, 0.29, -0.05), 2).tolist())
CLIP_PUZZLES = 16
DAMPING = 0.01
Rounder = Callable[[Float64s, Float64s, int, Float64s], Float64s]


def _unchanged(site: str, value: Floats) -> Floats:
    return value


class _MomentOps(SiteOps):
    """The float reading, summing ``x^T x`` of every linear's input."""

    def __init__(self) -> None:
        super().__init__(_unchanged)
        self.moments: dict[str, Float64s] = {}

    def linear(self, a: Floats, p: Linear) -> Floats:
        flat = np.ascontiguousarray(a).reshape(-1, a.shape[-1])
        moment = (flat.T @ flat).astype(np.float64)
        self.moments[p.name] = self.moments.get(p.name, 0.0) + moment
        return float_ops.linear(a, p)


def input_moments(model: Model, tokens: Array) -> dict[str, Float64s]:
    """``sum x x^T`` (K, K) of each linear's inputs over a whole float run."""
    ops = _MomentOps()
    run(ops, model, tokens, on_step=lambda step, carry, outputs: None)
    return ops.moments


def nearest(w: Float64s, scale: Float64s, qmax: int, spread: Float64s) -> Float64s:
    """Codes (N, K) by plain rounding; ``spread`` plays no part."""
    return np.clip(np.rint(w / scale[:, None]), -qmax, qmax)


def spread_of(moment: Float64s) -> Float64s:
    """How :func:`error_feedback` spreads an error (K, K, upper triangle), for inputs of this moment.

    The optimal way for the output error (GPTQ, arXiv:2210.17323), with the diagonal of the moment raised by
    DAMPING of its mean.
    """
    damped = moment + np.eye(len(moment)) * (DAMPING * np.mean(np.diag(moment)) + 1e-12)
    return np.asarray(np.linalg.cholesky(np.linalg.inv(damped)).T)


def error_feedback(w: Float64s, scale: Float64s, qmax: int, spread: Float64s) -> Float64s:
    """Codes (N, K): inputs rounded in order, the error of each spread over those still to come."""
    rest = w.copy()
    codes = np.zeros_like(w)
    for k in range(w.shape[1]):
        codes[:, k] = np.clip(np.rint(rest[:, k] / scale), -qmax, qmax)
        error = (rest[:, k] - codes[:, k] * scale) / spread[k, k]
        rest[:, k + 1 :] -= np.outer(error, spread[k, k + 1 :])
    return codes


def search(w: Float64s, fmt: Symmetric, moment: Float64s, to_codes: Rounder) -> QuantizedWeights:
    """Codes by ``to_codes`` at the scale, of absmax times CLIPS, with the least output error.

    One factor a row for per-row formats, one for the whole tensor else.
    """
    base = fmt.quantize(w).scale
    scales = [np.maximum(base * clip, SCALE_FLOOR) for clip in CLIPS]
    spread = spread_of(moment)
    candidates = [to_codes(w, scale, fmt.qmax, spread) for scale in scales]
    errors = np.stack(
        [output_errors(w, c * s[:, None], moment) for c, s in zip(candidates, scales, strict=True)]
    )
    if fmt.scale == "tensor":
        errors = np.broadcast_to(errors.sum(axis=1, keepdims=True), errors.shape)
    best, rows = errors.argmin(axis=0), np.arange(len(w))
    return QuantizedWeights(np.stack(candidates)[best, rows].astype(np.int8), np.stack(scales)[best, rows])


def output_errors(w: Float64s, approximate: Float64s, moment: Float64s) -> Float64s:
    """``e H e^T`` of each row (N,)."""
    e = approximate - w
    return np.asarray(((e @ moment) * e).sum(axis=1))


def rule(method: Method, moments: Mapping[str, Float64s]) -> QuantizeRule:
    """How to quantize a linear: ``minmax`` as published, ``clip`` or ``feedback`` (with a clip search too).

    ``clip`` and ``feedback`` exist for symmetric formats with one scale a row or a tensor.
    """

    def quantize(p: Linear, fmt: WeightFormat) -> QuantizedWeights:
        if method == "minmax":
            return fmt.quantize(p.weight)
        if not isinstance(fmt, Symmetric) or fmt.scale == "mean":
            raise InputError(f"{fmt.name}: {method} calibration exists for per-row and per-tensor formats.")
        to_codes = error_feedback if method == "feedback" else nearest
        return search(np.asarray(p.weight, np.float64), fmt, moments[p.name], to_codes)

    return quantize


def codes_of(
    model: Model, format: Format, method: Method, moments: Mapping[str, Float64s]
) -> dict[str, QuantizedWeights]:
    """Codes of every linear of a float model, by :func:`rule`."""
    find = rule(method, moments)
    return {p.name: find(p, format.weights_at(p.name)) for p in linears(model)}


@dataclass
class _ClipErrors:
    """Visitor: squared int8 rounding error of each site for each clip factor."""

    calibration: Calibration
    errors: dict[str, Float64s]

    def __call__(self, site: str, value: Floats) -> Floats:
        sums = self.errors.setdefault(site, np.zeros(len(CLIPS)))
        for i, clip in enumerate(CLIPS):
            scale = value.dtype.type(self.calibration.scale(site) * clip)
            sums[i] += float(np.square(np.clip(np.rint(value / scale), -128, 127) * scale - value).sum())
        return value


def clipped_activations(
    model: Model, tokens: Array, calibration: Calibration, puzzle_ids: Array | None = None
) -> Calibration:
    """``calibration`` with each site's range cut by the factor of least squared rounding error.

    States (``.norm`` sites) keep their range.
    """
    visitor = _ClipErrors(calibration, {})
    run(SiteOps(visitor), model, tokens, puzzle_ids, on_step=lambda step, carry, outputs: None)
    best = {site: CLIPS[int(sums.argmin())] for site, sums in visitor.errors.items()}
    best.update({site: 1.0 for site in best if site.endswith(".norm")})
    absmax = {site: peak * best[site] for site, peak in calibration.absmax.items()}
    return Calibration(absmax, f"{calibration.source}, clipped by squared error on {len(tokens)} puzzles")
