"""The clock: cycles an instruction, cycles a byte of flash and picojoules a cycle, from published silicon.

``mcusim/data/silicon.toml`` has the anchors.  The fit is the most probable set of cycles under what was
assumed before (a log-normal prior whose ends are one standard deviation from its middle) and the boards
of use ``fit``, each of which lies about ``spread`` from the model.  The error bar is the largest
difference among boards that the fit had not seen: each anchor is predicted by a fit without its board,
those of use ``check`` as well.

Energy is a part's run current as its data sheet has it x its supply x one factor, board over data sheet; for
a part without a run current it is one figure for all.  Both are the geometric mean of the boards of use
``fit``, and hold within the largest factor by which a board differs from the mean of the others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import exp, log

import numpy as np

from mcusim.catalogue import SHIPPED
from mcusim.cores import Core, load_core
from mcusim.toml_checks import Table, read_table
from mcusim.units import parse_hertz
from refimpl.errors import InputError

USES = ("fit", "check")
FLASH_BYTE = "flash-byte"
KERNEL = "fc_s8_per_tensor"  # CMSIS-NN's fully connected layer, which the anchors' networks run


@dataclass(frozen=True)
class Power:
    """Picojoules a cycle: ``published`` of the board, and by the chip's ``data_sheet``, which is its run
    current (uA/MHz) x the board's supply (V)."""

    published: float
    data_sheet: float


@dataclass(frozen=True)
class Anchor:
    """A published measurement: ``cycles`` for one MAC, ``power`` where its energy was published.

    ``instructions`` and ``flash_bytes``, again for one MAC, are what the model charges.
    """

    board: str
    core: str
    pipeline: str
    use: str
    layers: str
    instructions: float
    flash_bytes: float
    cycles: float
    power: Power | None
    source: str


@dataclass(frozen=True)
class Silicon:
    """All anchors; ``prior`` maps a pipeline, or FLASH_BYTE, to the range assumed before."""

    anchors: tuple[Anchor, ...]
    prior: dict[str, tuple[float, float]]
    spread: float


@dataclass(frozen=True)
class Prediction:
    """An anchor beside what a fit that had not seen its board says of it; ``off`` is relative."""

    anchor: Anchor
    cycles: float

    @property
    def off(self) -> float:
        return self.cycles / self.anchor.cycles - 1


@dataclass(frozen=True)
class Energy:
    """A cycle takes ``middle`` x what is known of a board, within ``factor`` either way: the largest error in
    ``unseen``, the powered anchors with the picojoules that the other boards' middle says."""

    middle: float
    factor: float
    unseen: tuple[tuple[Anchor, float], ...]

    def span(self, known: float = 1.0) -> tuple[float, float]:
        """Picojoules a cycle between the ends of the error bar."""
        return known * self.middle / self.factor, known * self.middle * self.factor


@dataclass(frozen=True)
class Clock:
    """``cycles`` maps a pipeline to cycles an instruction, FLASH_BYTE to cycles a byte.

    ``error`` is relative.  ``by_data_sheet`` knows of a board the picojoules of its run current, ``alike``
    nothing: its middle is in picojoules.
    """

    cycles: dict[str, float]
    error: float
    unseen: tuple[Prediction, ...]
    alike: Energy
    by_data_sheet: Energy

    def span(self, pipeline: str) -> tuple[float, float]:
        """Cycles an instruction between the ends of the error bar, as core files state them."""
        middle = self.cycles[pipeline]
        return round(middle * (1 - self.error), 2), round(middle * (1 + self.error), 2)

    @property
    def energy_span(self) -> tuple[float, float]:
        """Picojoules a cycle of a board of which nothing is known, likewise."""
        low, high = self.alike.span()
        return float(round(low)), float(round(high))

    @property
    def flash_bytes_per_cycle(self) -> float:
        """Bytes of internal flash that a core reads in a cycle."""
        return 1 / self.cycles[FLASH_BYTE]


def layer_instructions(core: Core, layers: Iterable[tuple[int, int]]) -> float:
    """Instructions of fully connected int8 layers (inputs, outputs) for one row of activations."""
    requantize, call = core.unit("requantize"), core.unit("call")
    kernel = core.kernels[KERNEL]
    mac, output = kernel.marginal(requantize), kernel.output(requantize)
    return sum(inner * outputs * mac + outputs * output + call for inner, outputs in layers)


@cache
def load_silicon() -> Silicon:
    """Read the anchors.

    Raises
    ------
    InputError
        For a wrong key or number, a core without a pipeline, or layers that are not listed; with the line.
    """
    table = read_table(SHIPPED / "silicon.toml")
    prior = {}
    ranges = table.table("prior")
    for name in ranges.data:
        row = ranges.table(name)
        prior[str(name)] = row.number("low"), row.number("high")
        row.text("source")
        row.finish()
    known = table.table("layers").data
    anchors = tuple(_anchor(row, known, prior) for row in table.tables("anchor"))
    silicon = Silicon(anchors, prior, table.number("spread"))
    table.finish()
    return silicon


def _anchor(
    row: Table, known: Mapping[str, list[list[int]]], prior: dict[str, tuple[float, float]]
) -> Anchor:
    core = load_core(row.text("core"))
    if core.pipeline not in prior:
        raise row.error(f"core {core.name} has no pipeline of {', '.join(prior)}.", "core")
    layers = row.text("layers")
    power = None
    if row.has("inferences_per_second"):
        if layers not in known:
            raise row.error(f"layers {layers!r} is none of {', '.join(known)}.", "layers")
        shapes = [(inner, outputs) for inner, outputs in known[layers]]
        macs = sum(inner * outputs for inner, outputs in shapes)
        used = parse_hertz(row.text("clock"), "clock") / row.number("inferences_per_second")
        instructions, flash, cycles = layer_instructions(core, shapes) / macs, 1.0, used / macs
        if row.has("microjoules"):
            current, supply = row.number("microamperes_per_megahertz"), row.number("supply_volts")
            power = Power(row.number("microjoules") * 1e6 / used, current * supply)
            row.text("current_source")
    else:
        instructions, flash = row.number("instructions_per_mac"), 0.0
        cycles = row.number("cycles_per_mac")
    anchor = Anchor(row.text("board"), core.name, core.pipeline, row.choice("use", USES), layers,
                    instructions, flash, cycles, power, row.text("source"))  # fmt: skip
    row.finish()
    return anchor


def _cycles(cycles: dict[str, float], anchor: Anchor) -> float:
    return cycles[anchor.pipeline] * anchor.instructions + cycles[FLASH_BYTE] * anchor.flash_bytes


def fitted(silicon: Silicon, anchors: Iterable[Anchor]) -> dict[str, float]:
    """The most probable cycles under the prior and ``anchors``, by Gauss-Newton on logarithms."""
    names, seen = list(silicon.prior), list(anchors)
    low, high = (np.log([ends[i] for ends in silicon.prior.values()]) for i in (0, 1))
    middle, width = (low + high) / 2, (high - low) / 2
    at = middle.copy()
    for _ in range(30):
        cycles = dict(zip(names, map(float, np.exp(at)), strict=True))
        misses = [log(_cycles(cycles, a) / a.cycles) / silicon.spread for a in seen]
        slopes = [
            [
                cycles[n] * (a.instructions * (n == a.pipeline) + a.flash_bytes * (n == FLASH_BYTE))
                / (_cycles(cycles, a) * silicon.spread)
                for n in names
            ]
            for a in seen
        ]  # fmt: skip
        rows = np.concatenate([np.diag(1 / width), np.array(slopes).reshape(-1, len(names))])
        at = at - np.linalg.lstsq(rows, np.concatenate([(at - middle) / width, misses]), rcond=None)[0]
    return dict(zip(names, map(float, np.exp(at)), strict=True))


def _mean(values: Iterable[float]) -> float:
    """The geometric mean."""
    return exp(float(np.mean(np.log(list(values)))))


def _energy(silicon: Silicon, known: Callable[[Power], float]) -> Energy:
    powered = [(a, a.power) for a in silicon.anchors if a.power is not None]

    def middle(without: str = "") -> float:
        return _mean(p.published / known(p) for a, p in powered if a.use == "fit" and a.board != without)

    unseen = tuple((a, middle(a.board) * known(p)) for a, p in powered)
    errors = [log(said / p.published) for (_, p), (_, said) in zip(powered, unseen, strict=True)]
    return Energy(middle(), exp(max(map(abs, errors))), unseen)


def clock_of(silicon: Silicon) -> Clock:
    """Fit, leave one board out at a time, and check.

    Raises
    ------
    InputError
        Where fewer than two boards are left to fit cycles or energy to.
    """
    fit = [a for a in silicon.anchors if a.use == "fit"]
    powered = [a for a in fit if a.power is not None]
    if min(len({a.board for a in fit}), len({a.board for a in powered})) < 2:
        raise InputError('silicon.toml needs two boards of use "fit", and two with microjoules.')
    cycles = fitted(silicon, fit)
    unseen = [
        Prediction(a, _cycles(fitted(silicon, [b for b in fit if b.board != a.board]), a))
        for a in silicon.anchors
    ]
    return Clock(cycles, max(abs(p.off) for p in unseen), tuple(unseen),
                 _energy(silicon, lambda _: 1.0), _energy(silicon, lambda p: p.data_sheet))  # fmt: skip


@cache
def clock() -> Clock:
    """The clock of the shipped anchors."""
    return clock_of(load_silicon())
