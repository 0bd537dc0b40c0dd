"""An imported network beside what the original computed: do they agree, and which setting explains it if not.

Shapes say nothing of heads, cycles, positions and prefix; outputs do.  A reference is an ``.npz`` with
``inputs`` (N, seq), optional ``puzzle_ids``, and ``logits`` (N, seq, vocab) or ``answers`` (N, seq) of the
original after its last ACT step, or after each one as ``step0/logits``, ``step1/logits``, ...
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from refimpl import float_ops
from refimpl.errors import InputError
from refimpl.float_params import build_model
from refimpl.models.config import ModelConfig
from refimpl.models.operators import Operators
from refimpl.models.recursion import act_step, read_out, reset
from refimpl.models.tree import Model
from workbench.bfloat16 import bfloat16_model, bfloat16_ops
from workbench.checkpoints.archive import open_zip
from workbench.checkpoints.elements import Array
from workbench.checkpoints.npz import read_npz

Tensors = Mapping[str, Array]
Tokens = npt.NDArray[np.integer]

# Another order of float32 sums moves logits by 1e-5 of their size in a step, bfloat16 by about 1e-2; a
# wrong setting moves them by their own size.
CLOSE = 0.05
FAR = 0.5
SAME_ANSWERS = 0.99  # of all positions, where only answers are given
PROBES = 8  # puzzles that a search for the explanation runs
_STEP = re.compile(r"step[_-]?(\d+)/(logits|answers|preds)")
_LISTED = 4
_IDS = ("puzzle_ids", "puzzle_identifiers")


@dataclass(frozen=True)
class Reference:
    """Inputs, puzzle rows, and what the original put out after some ACT steps (from 0; None: its last)."""

    inputs: Tokens
    puzzle_ids: Tokens | None
    outputs: Mapping[int | None, Array]

    def first(self, count: int) -> Reference:
        """The first ``count`` puzzles."""
        ids = None if self.puzzle_ids is None else self.puzzle_ids[:count]
        return Reference(self.inputs[:count], ids, {k: v[:count] for k, v in self.outputs.items()})


@dataclass(frozen=True)
class Agreement:
    """How near one reading comes at its worst ``step``, the median over puzzles: a wrong setting moves all
    of them, rounding only those that had not settled.

    ``apart`` is the rms difference of logits over the rms of the original's (None where only answers are
    given), ``same`` the share of equal answers.
    """

    reading: str
    apart: float | None
    same: float
    step: int

    @property
    def close(self) -> bool:
        return self.same >= SAME_ANSWERS if self.apart is None else self.apart <= CLOSE

    @property
    def rank(self) -> float:
        """Smaller is nearer."""
        return 1 - self.same if self.apart is None else self.apart

    def __str__(self) -> str:
        logits = "" if self.apart is None else f"logits {100 * self.apart:.3g} % apart (rms), "
        return f"{logits}{100 * self.same:.2f} % of answers equal after step {self.step + 1}, {self.reading}"


_READINGS: tuple[tuple[str, Operators, Callable[[ModelConfig, Tensors], Model]], ...] = (
    ("float32 reading", float_ops, build_model),
    ("bfloat16 reading", bfloat16_ops, bfloat16_model),
)


def read_reference(path: Path, config: ModelConfig) -> Reference:
    """Read a reference and check it against the network's shapes."""
    try:
        with open_zip(path) as archive:
            found = read_npz(archive, path)
    except OSError as error:
        raise InputError(f"the reference {path} cannot be read: {error.strerror}.") from error
    # A recording of the official code files its inputs under inputs/.
    found = {name.removeprefix("inputs/"): values for name, values in found.items()}
    if "inputs" not in found or found["inputs"].dtype.kind not in "iu":
        raise InputError(f"{path} has no inputs of whole numbers; a reference holds inputs, and logits or "
                         "answers.")
    inputs = found["inputs"].reshape(len(found["inputs"]), -1)
    if inputs.shape[1] != config.seq_len or inputs.size == 0:
        raise InputError(f"{path}: inputs have {inputs.shape[1]} positions; the network has "
                         f"{config.seq_len}.")
    if inputs.min() < 0 or inputs.max() >= config.vocab_size:
        raise InputError(f"{path}: inputs go from {inputs.min()} to {inputs.max()}; the network's tokens "
                         "are 0 to "
                         f"{config.vocab_size - 1}.")
    outputs: dict[int | None, Array] = {}
    for name, values in found.items():
        match = _STEP.fullmatch(name)
        if match is not None or name in ("logits", "answers", "preds"):
            step = None if match is None else int(match[1])
            if step not in outputs or values.ndim == 3:  # logits say more than answers
                outputs[step] = _output(values, name, inputs, config, path)
    if not outputs:
        raise InputError(f"{path} has neither logits nor answers of the original, at its end or as "
                         "step0/logits.")
    ids = next((found[name] for name in _IDS if name in found), None)
    if ids is not None and (ids.shape != (len(inputs),) or ids.min() < 0 or ids.max() >= max(
            config.num_puzzle_identifiers, 1)):  # fmt: skip
        raise InputError(f"{path}: puzzle_ids must be {len(inputs)} rows of the network's "
                         f"{config.num_puzzle_identifiers}.")
    return Reference(inputs, ids, outputs)


def agreement(
    config: ModelConfig, tensors: Tensors, reference: Reference, only_first: bool = False
) -> Agreement:
    """Compare the float32 and the bfloat16 reading at every step given; the nearer one is returned."""
    found: list[Agreement] = []
    for name, ops, build in _READINGS:
        found.append(_compared(name, ops, build(config, tensors), reference, only_first))
        if not CLOSE / 50 < found[-1].rank < FAR:
            break  # as near as float32 can come, or so far that bfloat16 is no reason
    return min(found, key=lambda one: one.rank)


def explanations(
    config: ModelConfig, tensors: Tensors, reference: Reference, on_try: Callable[[], None] = lambda: None
) -> Iterator[tuple[ModelConfig, dict[str, Any], Agreement]]:
    """Yield settings of the same shapes that agree: single changes, or, where none does, pairs of them."""
    few, every_step = reference.first(PROBES), None not in reference.outputs
    for changes in (_single(config, every_step), _pairs(config, every_step)):
        hits = False
        for change in changes:
            on_try()
            try:
                other = replace(config, **change)
                found = agreement(other, tensors, few, only_first=True)
                close = found.close and agreement(other, tensors, few).close
            except InputError:  # no such model, or fewer steps than the reference has outputs of
                continue
            if close:
                hits = True
                yield other, change, found
        if hits:
            return


def checked(found: Agreement, config: ModelConfig, path: Path) -> str:
    """The sentence about a reference that agrees."""
    heads = "" if config.mlp_t else f"num_heads {config.num_heads}, "
    return (f"{path} agrees: {found}. Confirmed: {heads}H_cycles {config.H_cycles}, L_cycles "
            f"{config.L_cycles}, "
            f"{config.pos_encodings} positions, prefix {config.puzzle_emb_len}.")


def differs(
    found: Agreement, reasons: list[tuple[dict[str, Any], Agreement]], path: Path
) -> InputError:
    """The error of a reference that does not agree, with every setting that explains it."""
    if not reasons:
        return InputError(f"{path} does not agree ({found}), and no other heads, cycles, positions, prefix "
                          "or eps "
                          "of the same shapes explain it: the weights, the inputs or the model are others.")
    best = sorted(reasons, key=lambda reason: reason[1].rank)[:_LISTED]
    flags = " or ".join(" ".join(f"--set {k}={v}" for k, v in change.items()) for change, _ in best)
    names = " or ".join(dict.fromkeys(" and ".join(map(_name, change)) for change, _ in best))
    return InputError(f"{path} does not agree ({found}); {names} explain it: with {flags} there are "
                      f"{best[0][1]}.")


def _name(setting: str) -> str:
    return {"num_heads": "heads", "halt_max_steps": "steps", "H_cycles": "H cycles", "L_cycles": "L cycles",
            "pos_encodings": "positions", "rope_theta": "positions (rope_theta)", "rms_norm_eps": "eps",
            "puzzle_emb_len": "the prefix"}.get(setting, setting)  # fmt: skip


def _output(values: Array, name: str, inputs: Tokens, config: ModelConfig, path: Path) -> Array:
    shape = (*inputs.shape, config.vocab_size) if name.endswith("logits") else inputs.shape
    if values.shape != shape or (len(shape) == 3) != (values.dtype.kind == "f"):
        raise InputError(f"{path}: {name} is {values.dtype} of shape {values.shape}; "
                         f"{'float' * (len(shape) == 3)}"
                         f"{'whole numbers' * (len(shape) == 2)} of shape {shape} are due.")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise InputError(f"{path}: {name} holds values that are not finite.")
    return values


def _compared(name: str, ops: Operators, model: Model, reference: Reference, only_first: bool) -> Agreement:
    """Walk the ACT steps as far as outputs are given; the worst agreement, or that of the first."""
    last = model.config.halt_max_steps - 1
    wanted = {last if step is None else step: values for step, values in reference.outputs.items()}
    beyond = [step for step in wanted if step > last]
    if beyond:
        raise InputError(f"the reference has outputs after step {max(beyond) + 1}; the network takes "
                         f"{last + 1}.")
    x = ops.embed(reference.inputs, reference.puzzle_ids, model.embedding)
    carry = reset(ops, model, len(reference.inputs))
    found = []
    for step in range(max(wanted) + 1):
        carry = act_step(ops, model, carry, x, step)
        if step in wanted:
            found.append(_at(name, read_out(ops, model, carry).logits, wanted[step], step))
            if only_first or not found[-1].close:
                break
    return max(found, key=lambda one: one.rank)


def _at(name: str, logits: Array, expected: Array, step: int) -> Agreement:
    answers = np.argmax(logits, axis=-1)
    if expected.ndim == 2:
        return Agreement(name, None, float(np.median((answers == expected).mean(axis=1))), step)
    wanted = expected.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        off = np.sqrt(np.mean(np.square(logits - wanted), axis=(1, 2)))
    size = np.sqrt(np.mean(np.square(wanted), axis=(1, 2)))
    apart = float(np.median(np.nan_to_num(off, nan=np.inf) / np.where(size > 0, size, 1)))
    same = float(np.median((answers == np.argmax(wanted, axis=-1)).mean(axis=1)))
    return Agreement(name, apart, same, step)


def _alternatives(config: ModelConfig, every_step: bool) -> dict[str, list[Any]]:
    """Other values of each setting that no shape depends on; steps only where outputs are of the last."""
    found: dict[str, list[Any]] = {"H_cycles": list(range(1, 7)), "L_cycles": list(range(1, 9)),
                                   "rms_norm_eps": [1e-3, 1e-5, 1e-6, 1e-8]}  # fmt: skip
    if not every_step:
        found["halt_max_steps"] = [1, 2, 3, 4, 6, 8, 16]
    if not config.mlp_t:
        divisors = [n for n in (1, 2, 3, 4, 6, 8, 12, 16, 32) if config.hidden_size % n == 0]
        found["num_heads"] = [n for n in divisors if config.hidden_size // n >= 2]
        if config.pos_encodings != "learned":
            found["pos_encodings"] = ["none", "rope"]
            found["rope_theta"] = [100.0, 1000.0, 10_000.0, 50_000.0, 100_000.0, 500_000.0, 1_000_000.0]
            if config.puzzle_emb_len:
                found["puzzle_emb_len"] = [1, 2, 4, 8, 16, 32]
    return {name: [v for v in values if v != getattr(config, name)] for name, values in found.items()}


def _single(config: ModelConfig, every_step: bool) -> Iterator[dict[str, Any]]:
    for name, values in _alternatives(config, every_step).items():
        for value in values:
            yield {name: value}


def _pairs(config: ModelConfig, every_step: bool) -> Iterator[dict[str, Any]]:
    """Two settings at once, of those that people get wrong together."""
    names = ("num_heads", "H_cycles", "L_cycles", "puzzle_emb_len", "pos_encodings")
    others = {name: values for name, values in _alternatives(config, every_step).items() if name in names}
    for first, second in combinations(others, 2):
        for one in others[first]:
            for two in others[second]:
                yield {first: one, second: two}
