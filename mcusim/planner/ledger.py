"""What a schedule costs, site by site: exact counts of work and of every read from the image."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from mcusim.kernels import DOT_ROWS
from mcusim.parts import Part, Region
from mcusim.timing import OperatorCounts, OperatorTime, time_operator
from refimpl.block_params import Online
from refimpl.models.config import ModelConfig
from workbench.counting import Counts

T = TypeVar("T")

SCALE_BYTES = 5
INIT = "init vectors"  # the site charged with resetting the carry


@dataclass
class Work:
    """All applications at one site.

    ``counts`` maps fields of :class:`workbench.counting.Counts` to their sums, ``calls`` counts kernels;
    ``rows`` are counts of linears and of attention's products in the terms of :mod:`mcusim.cores`.
    ``wide_macs`` are those of ``macs`` with activations of more than 8 bits.
    ``codes`` and ``constants`` count reads of the image by length in bytes: {length: how many}, and
    ``in_place`` those of ``codes`` that a kernel does itself where they stand.  ``arrived``: what a checking
    program sums at once, {bytes: how often}.
    ``row_reads`` and ``row_elements``: embedding rows read for x and elements of them, times the positions of
    the model, so that a share of one pass over x is a whole number.
    """

    counts: Counter[str] = field(default_factory=Counter)
    calls: int = 0
    attention_values: int = 0
    wide_macs: int = 0
    arena_bytes: int = 0
    rows: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    constants: Counter[int] = field(default_factory=Counter)
    in_place: Counter[int] = field(default_factory=Counter)
    arrived: Counter[int] = field(default_factory=Counter)
    row_reads: int = 0
    row_elements: int = 0

    def add(self, other: Work, times: int = 1) -> None:
        """Add ``times`` times the work of ``other``."""
        self.calls += other.calls * times
        self.attention_values += other.attention_values * times
        self.wide_macs += other.wide_macs * times
        self.arena_bytes += other.arena_bytes * times
        _add(self.counts, other.counts, times)
        _add(self.rows, other.rows, times)
        _add(self.codes, other.codes, times)
        _add(self.constants, other.constants, times)
        _add(self.in_place, other.in_place, times)
        _add(self.arrived, other.arrived, times)
        self.row_reads += other.row_reads * times
        self.row_elements += other.row_elements * times

    def charge(self, counts: Counts, times: int = 1) -> None:
        """Add ``times`` times ``counts``."""
        for name, number in vars(counts).items():
            if number:
                self.counts[name] += number * times

    def charge_named(self, counts: Mapping[str, int], times: int = 1) -> None:
        """Add ``times`` times counts by field of OperatorCounts."""
        for name, number in counts.items():
            self.rows[name] += number * times

    def charge_rows(self, outputs: int, inner: int, channels: int, bits: int, times: int = 1,
                    partial: bool = False) -> None:  # fmt: skip
        """Add the shape of ``times`` linears: ``outputs`` sums over ``inner`` products each, which are only
        added to others where they are ``partial``."""
        counts = row_counts(outputs, inner, channels, bits)
        if partial:
            counts |= {"partials": channels, "partial_sums": outputs, "channels": 0, "to_quad": 0}
        self.charge_named(counts, times)

    @property
    def code_bytes(self) -> int:
        return total_bytes(self.codes)

    @property
    def constant_bytes(self) -> int:
        return total_bytes(self.constants)


def _add(mine: Counter[T], theirs: Counter[T], times: int) -> None:
    for key, number in theirs.items():
        mine[key] = mine.get(key, 0) + number * times  # a Counter is slow to say that it has no such key


WORD, VECTOR = 4, 16  # inputs that a DSP kernel and a Helium kernel multiply at once
QUAD = 4  # tokens of one output that Helium requantizes at once


def row_counts(outputs: int, inner: int, channels: int, bits: int) -> dict[str, int]:
    """Counts of one linear for kernels that take tokens and channels in pairs, or four tokens at once, by
    field of OperatorCounts."""
    tokens, lanes = outputs // channels, -inner % VECTOR
    pairs = (tokens + 1) // 2 * ((channels + 1) // 2)
    # With int4 and an odd row, every other row begins within a byte and is laid out code by code, as is every
    # row in other widths than 4 and 8 bits.
    alone = channels // 2 if bits == 4 and inner % 2 else 0 if bits in (4, 8) else channels
    return {
        "channels": channels,
        "pairs": pairs,
        "loops": pairs * (inner >= VECTOR),
        "odd": (4 * pairs - outputs) * inner,
        "past_word": 4 * pairs * (inner % WORD),
        "to_vector": 4 * pairs * lanes,
        "tails": pairs * (inner % VECTOR > 0),
        "loose_words": alone * inner + (channels - alone) * (inner % WORD),
        "loose_vectors": alone * inner,
        "to_quad": channels * (-tokens % QUAD),
        "lanes": outputs * lanes,
        "last_vectors": channels * -(-tokens // QUAD) * (lanes > 0),
        "lone": channels * (tokens % QUAD),
        "lone_lanes": channels * (tokens % QUAD) * (inner + lanes),
        "parts": channels * (tokens % QUAD > 0),
        "unpaired": tokens * (channels % 2) * inner,
    }


def block_counts(
    outputs: int, inner: int, channels: int, pieces: int, online: Online, rows: int, wide: bool
) -> dict[str, int]:
    """Counts of one block linear beside those of its rows, by field of OperatorCounts: ``pieces`` of a row
    are multiplied apart, each of ``outputs`` sums with a factor of its own; ``rows`` of them in one pass over
    the weights; ``wide``: 16-bit activations."""
    tokens = outputs // channels
    passes = -(-tokens // rows)
    found = {"block_sums": outputs * pieces, "block_pieces": passes * ((channels + 1) // 2) * pieces}
    if wide:
        found["wide_weights"] = passes * channels * inner
    if online != "static":
        again = passes - -(-tokens // DOT_ROWS)
        found |= {"weights": again * channels * inner, "quantized": tokens * inner}
    if online == "mx":
        found["mx_sums"] = outputs * pieces
    return found


def product_counts(product: str, shape: tuple[int, ...], inner: int) -> dict[str, int]:
    """Counts of one of attention's products, by field of OperatorCounts: queries go in pairs; each column of
    v is staged once for as many queries of a tile as have sums at once.

    ``shape``: of the output, (..., heads, queries, keys or channels); ``inner``: channels, or keys.
    """
    *_, heads, queries, columns = shape
    outputs, odd = heads * queries * columns, queries % 2 * heads * columns * inner
    if product == "scores":
        return {"score_outputs": outputs, "odd_scores": odd}
    columns *= heads * -(-queries // DOT_ROWS)
    staged = {"value_columns": columns, "value_codes": columns * inner}
    return {"value_outputs": outputs, "odd_values": odd} | staged


def total_bytes(reads: Counter[int]) -> int:
    return sum(length * number for length, number in reads.items())


def total_reads(reads: Counter[int]) -> int:
    return sum(reads.values())


def bursts(reads: Counter[int], region: Region) -> int:
    return sum(region.bursts(length) * number for length, number in reads.items())


@dataclass
class Ledger:
    """Work by site."""

    sites: defaultdict[str, Work] = field(default_factory=lambda: defaultdict(Work))

    def add(self, other: Ledger, times: int = 1) -> None:
        for site, work in other.sites.items():
            self.sites[site].add(work, times)

    def sum(self, of: Callable[[Work], int]) -> int:
        """Sum of one number over all sites."""
        return sum(of(work) for work in self.sites.values())

    @property
    def code_bytes(self) -> int:
        """Bytes of weight codes read."""
        return self.sum(lambda work: work.code_bytes)

    @property
    def constant_bytes(self) -> int:
        """Bytes of multipliers, shifts, biases, tables and init vectors read."""
        return self.sum(lambda work: work.constant_bytes)

    def code_bursts(self, region: Region) -> int:
        """Bursts that reading the weight codes from ``region`` takes."""
        return self.sum(lambda work: bursts(work.codes, region))

    def constant_bursts(self, region: Region) -> int:
        """Bursts that reading the constants from ``region`` takes."""
        return self.sum(lambda work: bursts(work.constants, region))


@dataclass(frozen=True)
class RowSource:
    """Embedding rows of x: a token's for each position behind the ``prefix``, the puzzle's for the first if
    there is a prefix, a learned one for each position."""

    positions: int
    prefix: int
    learned: bool
    scale_bytes: int

    def rows(self, start: int, stop: int) -> int:
        """Rows read for positions ``start`` .. ``stop``."""
        tokens = max(0, stop - max(start, self.prefix))
        return tokens + (start == 0 and self.prefix > 0) + self.learned * (stop - start)

    def reads(self, work: Work) -> tuple[int, int]:
        """(reads, bytes) of a site's embedding rows; codes, multiplier and shift are separate reads."""
        visits = work.row_reads // self.positions
        return 3 * visits, work.row_elements // self.positions + visits * self.scale_bytes


NO_ROWS = RowSource(positions=1, prefix=0, learned=False, scale_bytes=0)


def row_source(config: ModelConfig) -> RowSource:
    """Embedding rows of x: a token each, the puzzle's, and learned positions."""
    return RowSource(config.positions, config.puzzle_emb_len, config.pos_encodings == "learned", SCALE_BYTES)


@dataclass(frozen=True)
class Memories:
    """Which regions of a part serve the image, the embedding rows and the arena."""

    image: Region
    rows: Region
    arena: Region


def overlapped(staged: bool, memories: Memories) -> bool:
    """Whether the core computes while weights arrive: it waits for those it reads itself, but for SRAM."""
    return staged or memories.image.kind == "sram"


def operator_counts(work: Work, weight_bits: int, rows: RowSource) -> OperatorCounts:
    """A site's work in the timing model's terms."""
    reads, row_bytes = rows.reads(work)
    c = work.counts if not reads else Counter()  # what computing x takes stands in the figures of rows
    narrow = c["macs"] - work.wide_macs
    return OperatorCounts(
        macs_w8a8=narrow if weight_bits > 4 else 0,
        macs_w4a8=narrow if weight_bits <= 4 else 0,
        macs_a8a8=c["attention_macs"] - work.attention_values,
        macs_a16a8=work.attention_values + work.wide_macs,
        requantizations=c["requantizations"],
        norm_elements=c["norm_elements"],
        softmax_elements=c["softmax_elements"],
        lookups=c["lookups"],
        elements=c["adds"] + c["products"] + c["rope_elements"],
        calls=work.calls,
        **{**work.rows, "weights": work.rows["weights"] + c["weight_elements"]},
        embedded_rows=work.row_reads // rows.positions,
        embedded_elements=work.row_elements // rows.positions,
        rescales=0 if c["macs"] or c["attention_macs"] else c["requantizations"],
        fetches=total_reads(work.codes) + total_reads(work.constants) - total_reads(work.in_place),
        fetched_bytes=work.code_bytes + work.constant_bytes - total_bytes(work.in_place),
        checks=total_reads(work.arrived),
        checked_bytes=total_bytes(work.arrived),
        weight_bytes=work.code_bytes + work.constant_bytes,
        row_bytes=row_bytes,
        arena_bytes=work.arena_bytes,
    )


def site_time(
    work: Work, weight_bits: int, rows: RowSource, part: Part, memories: Memories, overlap: bool = True
) -> OperatorTime:
    """Estimated time of all applications at a site; each read pays its own burst overhead."""
    reads, row_bytes = rows.reads(work)
    counts = operator_counts(work, weight_bits, rows)
    image = sum(
        memories.image.time_s(length) * number
        for kind in (work.codes, work.constants)
        for length, number in kind.items()
    )
    each = memories.rows.time_s(max(1, row_bytes // max(1, reads))) * reads
    seconds = {"image": image, "rows": each}
    regions = {"image": memories.image, "rows": memories.rows, "arena": memories.arena}
    return time_operator(counts, part, regions, overlap, seconds)
