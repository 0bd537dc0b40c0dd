"""Storing results: each operator of the model text as the C call that computes it in place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from mcusim.emit.expressions import Number
from mcusim.emit.functions import Function
from mcusim.emit.views import View
from mcusim.planner.buffers import Buffer
from mcusim.planner.machine import Tile
from refimpl.block_params import FACTORS, BlockLinear, Keep
from refimpl.errors import NotImplementedHere
from refimpl.fast import split
from refimpl.fixedpoint import Rounding
from refimpl.params import Linear, Rescale, Softmax
from refimpl.quantize.lower import IDENTITY


@dataclass(frozen=True)
class Op:
    """A result that exists once it is put somewhere."""

    name: str
    args: tuple[Any, ...]


class Operators:
    """Operators of the model text as :class:`Op`; ``split`` is a view."""

    def __init__(self) -> None:
        self.split = split

    def __getattr__(self, name: str) -> Any:
        return lambda *args: Op(name, args)


@dataclass(frozen=True)
class Weights:
    """A tile of a linear as C finds it: address, distance of parts and rows in bytes (0: no gap)."""

    leaf: Linear | BlockLinear
    rows: tuple[Tile, ...]
    columns: Tile
    address: str
    part_bytes: str
    row_bytes: Number
    scales: str


class ResultWriter(ABC):
    """Writes into ``function``; ``rounding`` is the program's."""

    function: Function
    rounding: Rounding

    @abstractmethod
    def _pointer(self, buffer: Buffer) -> str:
        """The C variable of a buffer, declared in the current function."""

    def put(self, view: View, value: Any) -> View:
        if isinstance(value, View):
            value = Op("copy", (value,))
        getattr(self, f"_put_{value.name}")(view, *value.args)
        return view

    def _factor(self, leaf: Rescale | Keep, name: str) -> str:
        by = (*IDENTITY, 0, 32)  # what a Keep does to products that 30 bits hold
        if isinstance(leaf, Rescale):
            by = leaf.multiplier, leaf.shift, leaf.output_offset, leaf.out_bits
        value = f"{{{', '.join(map(str, by))}}}"
        return "&" + self.function.constant(name, "factor", "rr_factor", value)

    # -- sums and activations --------------------------------------------------------------------------------

    def _put_add(self, to: View, *terms: Any) -> None:
        others = [term for term in terms if term != to]
        for i, term in enumerate(others):
            self._sum(to, term, int(i > 0 or len(others) < len(terms)))

    def _sum(self, to: View, term: View | Op, add: int) -> None:
        call = self.function.call
        if isinstance(term, View):
            kind = {"int16": "rr_sum_s16", "int32": "rr_sum_s32"}[term.dtype]
            call(kind, to.address, term.address, *term.strides, *to.shape, add)
        elif term.name == "stored":
            view, factor = term.args
            call("rr_sum_s8", to.address, view.address, *view.strides, *to.shape, factor, add)
        else:
            positions, channels, across, row = term.args
            self._embed(to, positions, channels, across, self._pointer(row), add)

    def _embed(self, to: View, positions: Tile, channels: Tile, across: bool, row: str, add: int) -> None:
        steps = to.strides[::-1] if across else to.strides
        given = "&rr_embedding", "rr_tokens", "rr_puzzle"
        self.function.call("rr_tile_embed", *given, positions.start, positions.size, channels.start,
                           channels.size, f"(uint8_t *){row}", to.address, *steps, add)  # fmt: skip

    def _put_quantize(self, to: View, h: View | Op, p: Rescale | Keep) -> None:
        if isinstance(p, Keep):
            self._sum(to, h, 0)
            return
        call, factor = self.function.call, self._factor(p, p.name)
        if isinstance(h, Op):
            view, to_state = h.args
            call("rr_codes_s8", to.address, view.address, *view.strides, *to.shape, to_state, factor)
        elif h.dtype == "int32":
            call("rr_codes_s32", to.address, h.address, *to.shape, factor)
        else:
            call("rr_codes_s16", to.address, h.address, *h.strides, *to.shape, factor)

    # -- linears and the gated product -----------------------------------------------------------------------

    def _put_linear(self, to: View, a: View, w: Weights) -> None:
        self._linear(to, a, w, "RR_RESCALED")

    def _linear(self, to: View, a: View, w: Weights, mode: str) -> None:
        leaf = w.leaf
        assert (a.strides[-1], to.strides[-1]) == (1, 1)
        activations = a.address, a.strides[0], *a.shape
        codes = w.address, leaf.weight_bits, w.rows[0].size, len(w.rows), w.part_bytes, w.row_bytes
        output = w.scales, int(leaf.bias is not None), leaf.out_bits, mode, to.address, to.strides[0]
        fields = ", ".join(map(str, (*activations, *codes, *output)))
        if isinstance(leaf, Linear):
            if leaf.output_offset or leaf.rounding != self.rounding:
                raise NotImplementedHere(f"{leaf.name}: planned C has no output offset, and one rounding.")
            self.function.call("rr_tile_linear", f"&(const rr_tile){{{fields}}}")
            return
        assert leaf.zero_point is None or leaf.block_scale is None
        blocks = (0, 0) if leaf.block_scale is None else (leaf.block, leaf.block_scale.shape[1])
        form = int(leaf.zero_point is not None), *blocks, FACTORS.index(leaf.factors), w.columns.start
        online = ("static", "token", "mx").index(leaf.activations)
        more = ", ".join(map(str, (_bits(a), _bits(to), *form, online)))
        kernel = "rr_tile_online_linear" if online else "rr_tile_block_linear"
        self.function.call(kernel, f"&(const rr_block_tile){{{{{fields}}}, {more}}}")

    def _put_silu(self, to: View, gate: View, table: View) -> None:
        assert to == gate
        self.function.call("rr_tile_silu", to.address, to.strides[0], *to.shape, table.address)

    def _put_multiply(self, to: View, gate: View, up: View, p: Rescale | Keep) -> None:
        factor = self._factor(p, p.name)
        if to != gate:
            given = to.address, to.strides[0], gate.address, up.address, gate.strides[0], *to.shape, factor
            self.function.call("rr_tile_product", *given)
            return
        assert to.strides == up.strides
        self.function.call("rr_tile_multiply", to.address, up.address, to.strides[0], *to.shape, factor)

    # -- attention -------------------------------------------------------------------------------------------

    def _put_rope(self, to: View, a: View, rotation: Op) -> None:
        table, half = rotation.args
        _, heads, rows, _ = to.shape
        given = a.address, *a.strides[1:3], table.address, heads, rows, half
        self.function.call("rr_tile_rope", *given, to.address, *to.strides[1:3])

    def _put_copy(self, to: View, a: View) -> None:
        given = a.address, *a.strides[1:3], *to.shape[1:]
        self.function.call("rr_tile_copy", *given, to.address, *to.strides[1:3])

    @contextmanager
    def _each_head(self, heads: Number) -> Iterator[None]:
        self.function.line(f"for (int32_t head = 0; head < {heads}; head++)")
        self.function.depth += 1
        yield
        self.function.depth -= 1

    def _by(self, p: Rescale | Keep) -> str:
        return f"&(const rr_rescaler[]){{rr_rescaler_by({self._factor(p, p.name)})}}[0]"

    def _put_scores(self, to: View, q: View, k: View, p: Rescale) -> None:
        _, heads, rows, keys = to.shape
        by = self._by(p)
        with self._each_head(heads):
            given = of_head(q), q.strides[2], rows, of_head(k), keys, k.shape[3], by
            self.function.call("rr_scores_rows", *given, of_head(to))

    def _put_softmax(self, to: View, s: View, p: Softmax) -> None:
        _, heads, rows, keys = to.shape
        given = [self.function.constant(p.name, name, "int32_t", str(getattr(p, name)))
                 for name in ("multiplier", "shift", "diff_min")]  # fmt: skip
        with self._each_head(heads):
            self.function.call("rr_softmax_s8_s16", of_head(s), rows, keys, *given, of_head(to))

    def _put_weighted_values(self, to: View, w: View, v: View, p: Rescale | Keep) -> None:
        _, heads, rows, size = to.shape
        by = self._by(p)
        with self._each_head(heads):
            given = of_head(w), rows, of_head(v), v.shape[2], size, by
            self.function.call("rr_values_rows", *given, of_head(to), to.strides[2])

    # -- the end ---------------------------------------------------------------------------------------------

    def _put_argmax(self, to: View, logits: View) -> None:
        self.function.call("rr_tile_argmax", logits.address, *logits.shape, to.address)


def _bits(view: View) -> int:
    """Bits of an element."""
    return int(view.dtype.removeprefix("int"))


def of_head(view: View) -> str:
    """Address of what belongs to the head of the loop in (1, heads, rows, columns)."""
    return f"{view.address} + head * {view.strides[1]}"
