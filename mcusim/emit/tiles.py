"""Loops over tiles, and weights on their way into the arena: the next tile comes while one is used."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from math import gcd

from mcusim.emit.expressions import Expr, Number, product, renamed, variable
from mcusim.emit.functions import identifier
from mcusim.emit.results import ResultWriter, Weights
from mcusim.emit.sums import LEAVE, Loop, Pieces, Transfer, TransferSums, Values, value
from mcusim.planner.buffers import Buffer
from mcusim.planner.choices import Choices
from mcusim.planner.machine import Scales, Staged, Tile, Where
from mcusim.planner.stored import stored
from refimpl.block_params import BlockLinear
from refimpl.errors import NotImplementedHere
from refimpl.packing import packed_bytes
from refimpl.params import Linear

AnyLinear = Linear | BlockLinear


@dataclass(frozen=True)
class Request:
    """C expressions of one transfer: ``pieces`` of ``size`` bytes each, ``step`` apart from ``source`` on."""

    source: str
    size: str
    pieces: Number
    step: str

    def __str__(self) -> str:
        return f"{self.source}, {unsigned(self.size)}, {self.pieces}, {unsigned(self.step)}"


def unsigned(size: str) -> str:
    return f"{size}u" if size.isdigit() else f"(uint32_t)({size})"


class TileWriter(ResultWriter):
    """Writes loops, and the transfers of weights in them."""

    choices: Choices
    resident: set[str]
    divisors: dict[str, int]  # what the variables of the open loops are multiples of
    loops: list[Loop]  # the open ones
    staged_in: dict[str, int]  # linear -> open loops where its two tiles began to live
    sums: TransferSums | None  # of what is fetched, where the program checks that
    _buffers: dict[str, Buffer]

    @abstractmethod
    def _at(self, leaf: str, part: str) -> str:
        """Where a section of a leaf stands in the image."""

    @abstractmethod
    def _offset(self, section: str) -> int:
        """Byte of the image at which a section begins."""

    @abstractmethod
    def alloc(self, name: str, shape: tuple[int, ...], dtype: str) -> Buffer:
        """Declare a buffer."""

    def tiles(self, start: Number, stop: Number, size: int, where: Where = "any") -> Iterator[Tile]:
        total = stop - start
        if isinstance(total, int) and total <= size:
            yield Tile(start, stop)  # type: ignore[arg-type]
            return
        f = self.function
        r, n = f"r{f.loops}", f"n{f.loops}"
        f.loops += 1
        even = isinstance(total, int) and total % size == 0
        f.line(f"for (int32_t {r} = {start}; {r} < {stop}; {r} += {size}) {{")
        f.depth += 1
        if not even:
            f.line(f"const int32_t {n} = rr_least({size}, {stop - variable(r)});")
        first = variable(r)
        self.divisors |= {r: gcd(size, self._divisor(start)), n: gcd(size, self._divisor(total))}
        self.loops.append(Loop(r, "" if even else n, start, stop, size))
        yield Tile(first, first + (size if even else variable(n)))  # type: ignore[arg-type]
        self.loops.pop()
        del self.divisors[r], self.divisors[n]
        f.depth -= 1
        f.line("}")

    # -- bytes of codes --------------------------------------------------------------------------------------

    def _bytes(self, codes: Number, leaf: AnyLinear) -> str:
        """Bytes of so many codes, which must be whole."""
        bits, codes_at_once = leaf.weight_bits, 8 // gcd(leaf.weight_bits, 8)
        if bits == 8:
            return str(codes)
        if self._divisor(codes) % codes_at_once:
            raise NotImplementedHere(f"{leaf.name}: a tile of {bits}-bit weights begins within a byte.")
        if isinstance(codes, int):
            return str(codes * bits // 8)
        times = bits * codes_at_once // 8
        return f"({codes}) / {codes_at_once}" + (f" * {times}" if times > 1 else "")

    def _divisor(self, number: Number) -> int:
        """What a number is a multiple of whatever the loops' variables are; 0 of the number 0."""
        if isinstance(number, int):
            return abs(number)
        return gcd(number.constant, *(f * self.divisors.get(name, 1) for name, f in number.terms))

    def _codes_bytes(self, codes: Number, leaf: AnyLinear, rows: tuple[Tile, ...]) -> str:
        """Bytes of whole rows; the last ones of an image may end within a byte."""
        if isinstance(codes, int) and len(rows) == 1:
            return str(packed_bytes(codes, leaf.weight_bits))
        return self._bytes(codes, leaf)

    # -- weights ---------------------------------------------------------------------------------------------

    def stage(self, leaf: AnyLinear, rows: int, columns: int) -> Staged:
        if not self.choices.staged or leaf.name in self.resident:
            return Staged(leaf, ())
        self.staged_in[leaf.name] = len(self.loops)
        size = stored(leaf).tile_bytes(rows, columns)
        return Staged(leaf, tuple(self.alloc(f"{leaf.name} tile {i}", (size,), "int8") for i in (0, 1)))

    def fetch(
        self, staged: Staged, rows: tuple[Tile, ...], columns: Tile, scales: Scales | None = None
    ) -> Weights:
        leaf = staged.leaf
        width = leaf.codes.shape[1]
        brought = "0" if scales is None else f"(const uint8_t *){self._pointer(scales.buffer)}"
        request = self._request(leaf, rows, columns)
        if staged.buffers:
            codes = self._stream(staged, rows, columns, request)
            return Weights(leaf, rows, columns, codes, request.size if len(rows) > 1 else "0", 0, brought)
        if leaf.name in self.resident:
            base = f"(const uint8_t *){self._pointer(self._buffers[leaf.name])}"
        else:
            base = self._at(leaf.name, "codes")
        first = self._bytes(product(rows[0].start, width) + columns.start, leaf)
        gap = 0 if columns.size == width else int(self._bytes(width, leaf))
        distance = self._bytes(product(_distance(rows), width), leaf)
        return Weights(leaf, rows, columns, f"{base} + {first}", distance, gap, brought)

    def _request(self, leaf: AnyLinear, rows: tuple[Tile, ...], columns: Tile) -> Request:
        """The transfer of a tile: parts of whole rows, or a piece of each row."""
        width, source = leaf.codes.shape[1], self._at(leaf.name, "codes")
        if columns.size == width:
            size = self._codes_bytes(product(rows[0].size, width), leaf, rows)
            first = self._bytes(product(rows[0].start, width), leaf)
            return Request(f"{source} + {first}", size, len(rows),
                           self._bytes(product(_distance(rows), width), leaf))  # fmt: skip
        assert len(rows) == 1
        first = self._bytes(columns.start, leaf)
        return Request(f"{source} + {first}", self._bytes(columns.size, leaf), rows[0].stop,
                       self._bytes(width, leaf))  # fmt: skip

    def _pieces(self, leaf: AnyLinear, rows: tuple[Tile, ...], columns: Tile) -> Transfer:
        """What :meth:`_request` brings."""
        bits, width, codes = leaf.weight_bits, leaf.codes.shape[1], self._offset(f"{leaf.name}/codes")
        numbers = rows[0].start, rows[0].size, columns.start, columns.size, _distance(rows)

        def at(now: Values) -> tuple[Pieces, ...]:
            row, height, column, size, distance = (value(number, now) for number in numbers)
            if size == width:
                first, step = (n * width * bits // 8 for n in (row, distance))
                return (Pieces(codes + first, packed_bytes(height * width, bits), len(rows), step),)
            return (Pieces(codes + column * bits // 8, size * bits // 8, height, width * bits // 8),)

        return at

    def _stream(self, staged: Staged, rows: tuple[Tile, ...], columns: Tile, request: Request) -> str:
        """Bring a tile into one of its two places; where the loop goes on, the next into the other.

        Returns the C variable that points at the tile.
        """
        leaf, f = staged.leaf, self.function
        name = identifier(leaf.name.removeprefix(f.prefix))
        zero, one = (self._pointer(buffer) for buffer in staged.buffers)
        now = f.declare(f"{name}_codes", f"uint8_t *{name}_codes = (uint8_t *){zero};")
        then = f.declare(f"{name}_next", f"uint8_t *{name}_next = (uint8_t *){one};")
        f.declare(f"{name}_ticket", f"uint32_t {name}_ticket = 0;")
        begin = f"{name}_ticket = rr_fetch_ahead({then}, "
        loop = self._loop_of(leaf, rows, columns)
        if loop is None:
            f.line(f"{begin}{request});")
        else:
            f.line(f"if ({loop.r} == {loop.start}) {begin}{request});")
        f.line(f"rr_fetch_wait({name}_ticket);")
        if self.sums is not None:
            places = rows[0].start, columns.start
            transfer = self._pieces(leaf, rows, columns)
            wanted = self.sums.wanted(f, leaf.name, self.loops, places, transfer)
            size = unsigned(f"{request.size} * {request.pieces}")
            f.line(f"while (rr_damaged({then}, {size}, {wanted}))")
            f.line(f"    rr_fetch_wait(rr_fetch_ahead({then}, {request}));")
            f.line(LEAVE)
        f.line(f"rr_swap(&{now}, &{then});")
        if loop is not None:
            self._ahead(leaf, rows, columns, loop, begin)
        return now

    def _loop_of(self, leaf: AnyLinear, rows: tuple[Tile, ...], columns: Tile) -> Loop | None:
        """The innermost loop, where it alone goes over the tiles of a linear while both places live."""
        if len(self.loops) != self.staged_in[leaf.name] + 1:
            return None
        loop = self.loops[-1]
        starts: tuple[Number, ...] = rows[0].start, columns.start
        moves = any(isinstance(start, Expr) and loop.r in dict(start.terms) for start in starts)
        return loop if moves else None

    def _ahead(self, leaf: AnyLinear, rows: tuple[Tile, ...], columns: Tile, loop: Loop, begin: str) -> None:
        """Begin the transfer of the next tile of the loop, if there is one."""
        f, names = self.function, {loop.r: f"next_{loop.r}", loop.n: f"next_{loop.n}"}
        for old, new in names.items():
            self.divisors[new] = self.divisors.get(old, 1)
        first = variable(names[loop.r])
        f.line(f"if ({variable(loop.r) + loop.size} < {loop.stop}) {{")
        f.depth += 1
        f.line(f"const int32_t {first} = {variable(loop.r) + loop.size};")
        if loop.n:
            f.line(f"const int32_t {names[loop.n]} = rr_least({loop.size}, {loop.stop - first});")
        following = tuple(_renamed(tile, names) for tile in rows)
        f.line(f"{begin}{self._request(leaf, following, _renamed(columns, names))});")
        f.depth -= 1
        f.line("}")
        for new in names.values():
            del self.divisors[new]


def _distance(rows: tuple[Tile, ...]) -> Number:
    """Rows from one part of a tile to the next."""
    return rows[1].start - rows[0].start if len(rows) > 1 else 0


def _renamed(tile: Tile, names: dict[str, str]) -> Tile:
    return Tile(renamed(tile.start, names), renamed(tile.stop, names))  # type: ignore[arg-type]
