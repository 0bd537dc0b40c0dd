"""What a run says, as data: renderers print it, JSON dumps it, tests compare it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from mcusim.account import Share

SCHEMA = "mcusim-run/2"


@dataclass(frozen=True)
class Span:
    """An estimated quantity between two ends: seconds, or joules."""

    low: float
    high: float


@dataclass(frozen=True)
class Subject:
    """What was simulated; ``format`` as spelled, ``H_cycles`` x ``steps`` the depth, ``plan`` the
    schedule's tiles in the notation of ``mcusim plan``."""

    deployment: str
    network: str
    trained: bool
    parameters: int
    format: str
    H_cycles: int
    L_cycles: int
    steps: int
    stop: str
    retries: int
    part: str
    part_title: str
    plan: str


@dataclass(frozen=True)
class PuzzleResult:
    """Token codes (seq,) of question, label and prediction; ``right`` compares the last two, None
    where no position has a label.

    Of the last try: ``steps`` ACT steps were taken; ``stopped``: the stop rule ended them; ``keeps_rules``:
    so does the prediction, or the task has no rules that can be checked.  ``tries``: ACT steps of every try.
    """

    origin: str
    task: str
    question: tuple[int, ...]
    label: tuple[int, ...]
    prediction: tuple[int, ...]
    right: bool | None
    cells_right: int
    cells: int
    q_halt: int
    q_continue: int
    steps: int
    stopped: bool
    keeps_rules: bool
    tries: tuple[int, ...]


@dataclass(frozen=True)
class Cost:
    """A puzzle of ``steps`` ACT steps on the part: estimated time and energy, bytes read from flash."""

    steps: float
    time: Span
    energy: Span
    flash_bytes: float


@dataclass(frozen=True)
class StoppingCosts:
    """What puzzles cost under a stop rule: on average, at the 95th percentile of steps, at the most."""

    mean: Cost
    percentile_95: Cost
    worst: Cost


@dataclass(frozen=True)
class StoppedPuzzles:
    """A stop rule over a whole set: how many puzzles took n steps in all their tries, what was accepted, and
    what it costs.

    ``accepted``: stopped by the rule with an answer that keeps the task's rules, ``by_try`` at each try; the
    intervals are 95 % Wilson intervals of the accepted share and of the wrong ones among the accepted.
    """

    rule: str
    steps: tuple[int, ...]
    accepted: int
    by_try: tuple[int, ...]
    accepted_interval: tuple[float, float]
    accepted_wrong: int
    wrong_interval: tuple[float, float] | None
    withheld_right: int
    costs: StoppingCosts


@dataclass(frozen=True)
class Paired:
    """The float network on the same puzzles at its own depth: how many it solves, how many only it (lost) and
    only the integer path (won), and the exact two-sided p-value of that split (McNemar)."""

    exact_right: int
    lost: int
    won: int
    p_value: float


@dataclass(frozen=True)
class AllPuzzles:
    """Accuracy of the integer path over a whole set; ``stopping`` where its runs end by a rule.

    ``source``: ``measured`` in this run, or ``kept`` beside the weights by an earlier one of this very
    program.
    """

    source: str
    origin: str
    puzzles: int
    exact_right: int
    exact_low: float
    exact_high: float
    cells_right: int
    cells: int
    copy_floor_cell: float
    paired: Paired | None
    stopping: StoppedPuzzles | None


@dataclass(frozen=True)
class RegionUse:
    """One memory of the part: bytes used of its size, for what, whether it is a chip of its own, and what its
    size rests on."""

    region: str
    kind: str
    used: int
    size: int
    holds: tuple[Share, ...]
    external: bool
    size_basis: str

    @property
    def missing(self) -> int:
        return max(0, self.used - self.size)


@dataclass(frozen=True)
class Budget:
    """The verdict: ``everything`` = image + arena + program decides; ``weights_only`` stands beside it."""

    limit: int
    shares: tuple[Share, ...]
    weights_only: int

    @property
    def everything(self) -> int:
        return sum(share.size for share in self.shares)

    @property
    def missing(self) -> int:
        return max(0, self.everything - self.limit)


@dataclass(frozen=True)
class CycleRow:
    """One H cycle: exact counts, estimated time, cosine of the last z_L and of z_H to the float path."""

    cycle: int
    step: int
    macs: int
    requantizations: int
    flash_bytes: int
    time: Span
    fidelity_L: float | None
    fidelity_H: float | None
    crc32_H: int | None


@dataclass(frozen=True)
class OperatorRow:
    """All applications of one operator in a run; ``bound_by``: what its time is mostly limited by."""

    op: str
    applications: int
    macs: int
    requantizations: int
    flash_bytes: int
    time: Span
    bound_by: str


@dataclass(frozen=True)
class Total:
    """Sums over one puzzle; ``arena`` is what the plan needs, ``energy`` in joules, ``worst`` the time of a
    puzzle that runs all its ACT steps in every try.

    Measured where kernels were executed, else None: ``row_reads`` of embedding rows in the image,
    ``table_reads`` and ``table_bytes`` of a puzzle table file, ``high_water`` bytes of arena touched.
    """

    calls: int
    macs: int
    requantizations: int
    flash_bytes: int
    row_bytes: int
    row_reads: int | None
    table_reads: int | None
    table_bytes: int | None
    arena: int
    high_water: int | None
    time: Span
    energy: Span
    worst: Span


@dataclass(frozen=True)
class KernelTime:
    """Estimated time of the puzzle with the kernels of a core file: ``kernel`` does the linears."""

    core: str
    kernel: str
    time: Span


@dataclass(frozen=True)
class Basis:
    """What the estimates rest on: the weakest figure with its source, and how many of each kind.

    ``time_error`` (relative, of the middle of a computed time) with what it rests on; energy lies within a
    factor ``energy_factor`` of cycles times picojoules.
    """

    weakest: str
    source: str
    counted: tuple[tuple[str, int], ...]
    time_error: float
    time_basis: str
    energy_factor: float
    energy_basis: str


@dataclass(frozen=True)
class RunReport:
    """Everything ``mcusim run`` knows; ``fits`` decides the exit code, ``kernels`` has
    the part's own core first, ``inside`` says whether the part's internal memories alone hold some plan,
    ``refusal`` why the plan has no C (empty: it has)."""

    subject: Subject
    budget: Budget
    regions: tuple[RegionUse, ...]
    puzzle: PuzzleResult | None
    all_puzzles: AllPuzzles | None
    cycles: tuple[CycleRow, ...]
    operators: tuple[OperatorRow, ...]
    total: Total
    kernels: tuple[KernelTime, ...]
    basis: Basis
    inside: bool
    refusal: str
    remedies: tuple[str, ...]

    @property
    def fits(self) -> bool:
        held = self.budget.missing == 0 and all(region.missing == 0 for region in self.regions)
        return held and not self.refusal


def to_json(report: RunReport) -> dict[str, Any]:
    """The report as plain data, with the verdicts that the dataclasses compute."""
    data = {"schema": SCHEMA, **asdict(report), "fits": report.fits}
    data["budget"] |= {"everything": report.budget.everything, "missing": report.budget.missing,
                       "counts": "image + arena of the plan + code, statics, stack"}  # fmt: skip
    for plain, region in zip(data["regions"], report.regions, strict=True):
        plain["missing"] = region.missing
    return data
