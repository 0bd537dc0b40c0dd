"""The sums that a program keeps of what it fetches: one for each place of a loop's tiles, as C constants."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import gcd, prod

from mcusim.checksum import word_sum
from mcusim.emit.expressions import Expr, Number
from mcusim.emit.functions import Function
from refimpl.errors import NotImplementedHere

SUM_BYTES = 4
LEAVE = "if (rr_flash_bad) return;"  # what was not brought whole is not computed with
Values = Mapping[str, int]


@dataclass(frozen=True)
class Loop:
    """``for (r = start; r < stop; r += size)``; ``n`` is the size of its tile, a variable or none."""

    r: str
    n: str
    start: Number
    stop: Number
    size: int


@dataclass(frozen=True)
class Pieces:
    """``count`` pieces of ``size`` bytes of the image, ``step`` apart from ``first`` on."""

    first: int
    size: int
    count: int = 1
    step: int = 0


Transfer = Callable[[Values], tuple[Pieces, ...]]  # what is brought, by the variables of the loops


def value(number: Number, values: Values) -> int:
    """A sum of variables as a number."""
    if isinstance(number, int):
        return number
    return number.constant + sum(factor * values[name] for name, factor in number.terms)


def every(loops: Sequence[Loop], outer: Values) -> Iterator[Values]:
    """The variables of nested loops, each time round; ``outer`` are those of the loops around them."""
    if not loops:
        yield outer
        return
    first, *inner = loops
    start, stop = value(first.start, outer), value(first.stop, outer)
    for r in range(start, stop, first.size):
        yield from every(inner, {**outer, first.r: r, first.n: min(first.size, stop - r)})


@dataclass
class TransferSums:
    """Sums of transfers from one image; ``tables`` maps the sums of a site to the name of their array."""

    image: bytes
    tables: dict[tuple[int, ...], str] = field(default_factory=dict)
    _known: dict[tuple[Pieces, ...], int] = field(default_factory=dict)

    def of(self, transfer: tuple[Pieces, ...]) -> int:
        """The sum of pieces behind each other."""
        if transfer not in self._known:
            starts = [(p.first + i * p.step, p.size) for p in transfer for i in range(p.count)]
            self._known[transfer] = word_sum(b"".join(self.image[at : at + size] for at, size in starts))
        return self._known[transfer]

    def wanted(self, f: Function, leaf: str, loops: Sequence[Loop], places: tuple[Number, ...],
               transfer: Transfer) -> str:  # fmt: skip
        """C for the sum of the transfer at hand, from a constant of ``leaf``.

        ``places`` are sums of the loops' variables that tell one transfer from another.
        """
        moving = [place for place in places if isinstance(place, Expr)]
        rounds = dict[tuple[int, ...], tuple[Pieces, ...]]()
        for now in every(loops, {}):
            at, pieces = tuple(value(place, now) for place in moving), transfer(now)
            if rounds.setdefault(at, pieces) != pieces:
                raise NotImplementedHere(f"{leaf}: tiles of two sizes begin at one place; they have no sum.")
        if not moving:
            return f.own(leaf, "sum", "uint32_t", f"{self.of(*rounds.values())}u")
        index, axes = "", []
        for place, found in zip(moving, zip(*rounds, strict=True), strict=True):
            least = min(found)
            step = gcd(*(at - least for at in found)) or 1
            count = (max(found) - least) // step + 1
            axes.append((least, step, count))
            term = f"({place - least})" + (f" / {step}" if step > 1 else "")
            index = f"({index}) * {count} + {term}" if index else term
        sums = [0] * prod(count for _, _, count in axes)
        for at, pieces in rounds.items():
            number = 0
            for one, (least, step, count) in zip(at, axes, strict=True):
                number = number * count + (one - least) // step
            sums[number] = self.of(pieces)
        name = self.tables.setdefault(tuple(sums), f"rr_sums_{len(self.tables)}")
        return f"{f.own(leaf, 'sums', 'const uint32_t *', name)}[{index}]"

    @property
    def bytes(self) -> int:
        """Bytes of the arrays; single sums stand among the constants of their leaf."""
        return SUM_BYTES * sum(len(sums) for sums in self.tables)

    @property
    def source(self) -> str:
        parts = []
        for sums, name in self.tables.items():
            rows = [", ".join(f"{one}u" for one in sums[i : i + 10]) for i in range(0, len(sums), 10)]
            body = ",\n    ".join(rows)
            parts.append(f"\nstatic const uint32_t {name}[{len(sums)}] = {{\n    {body}}};\n")
        return "".join(parts)

