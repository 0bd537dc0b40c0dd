"""The machine that writes C: what the schedule asks for becomes a call of :file:`firmware/src/rr_tile.h`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from mcusim.emit.expressions import Number, product
from mcusim.emit.functions import Function, identifier
from mcusim.emit.results import Op, Operators, Weights
from mcusim.emit.sums import LEAVE, Loop, Pieces, Transfer, TransferSums, Values, value
from mcusim.emit.tiles import AnyLinear, TileWriter, unsigned
from mcusim.emit.views import View, whole
from mcusim.planner.arena import Place
from mcusim.planner.buffers import Buffer, Placement
from mcusim.planner.choices import Choices
from mcusim.planner.machine import Scales, State, Tile
from mcusim.planner.plan import SCRATCH, Plan
from mcusim.planner.stopping import HELD, X, shares_x
from mcusim.planner.stored import stored
from mcusim.planner.target import Segment
from refimpl.block_params import Int8Norm
from refimpl.fixedpoint import Rounding
from refimpl.image import Image
from refimpl.models.tree import Embedding
from refimpl.params import Linear, Norm, Rope, Silu

C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t",
           "int64": "int64_t"}  # fmt: skip
STATES, STATE = ("z_H", "z_L"), "z"  # a state, and what it is called where it may be either


class EmittingMachine(TileWriter):
    """Machine that writes the functions of one plan.

    ``functions`` maps the text of a function to its name, so that sublayers of one shape share it; ``calls``
    collects the calls of the stack application being written; ``start``: where the image begins in the memory
    of the images.
    """

    def __init__(
        self, plan: Plan, image: Image, start: int, segments: tuple[Segment, ...], banks: Mapping[str, str],
        rounding: Rounding, sums: TransferSums | None,
    ) -> None:  # fmt: skip
        self.sums = sums
        self.config = plan.config
        self.choices: Choices = plan.choices
        self.format = plan.format
        self.ops: Any = Operators()
        self.carry = plan.format.carry
        self.image, self.start = image, start
        self.rounding = rounding
        self.resident = {buffer.name for buffer in plan.persistent}
        self.functions: dict[tuple[str, str], str] = {}
        self.instances: dict[tuple[str, str], str] = {}
        self.calls: list[str] = []
        self._scopes: Mapping[str, Placement] = plan.scopes
        self._places = {s.name: Place(s.region, s.offset) for s in segments}
        self._banks = banks
        self._buffers = {buffer.name: buffer for buffer in plan.persistent}
        self._scope: Placement | None = None
        self.divisors: dict[str, int] = {}
        self.loops: list[Loop] = []
        self.staged_in: dict[str, int] = {}
        self.function = Function("")

    # -- functions and loops ---------------------------------------------------------------------------------

    @contextmanager
    def scope(self, name: str) -> Iterator[None]:
        self._scope = self._scopes[name]
        site, _, sums = name.partition(" + ")
        prefix = site.rpartition(".")[0] + "." if "." in site else ""
        self.function = Function(prefix, any_state=bool(prefix) and not sums)
        yield
        self._scope = None
        self.finish_function(
            identifier(site.rpartition(".")[0].rpartition(".")[2] if "." in site else name)
        )

    def finish_function(self, kind: str) -> None:
        made = self.function
        key = made.fields, made.body
        if key not in self.functions:
            self.functions[key] = f"rr_{kind}_{len(self.functions)}"
        name = self.functions[key]
        if not made.constants:
            self.calls.append(f"{name}();")
            return
        instance = self.instances.setdefault((name, made.values), f"rr_leaf_{len(self.instances)}")
        self.calls.append(f"{name}(&{instance});")

    # -- buffers ---------------------------------------------------------------------------------------------

    def alloc(self, name: str, shape: tuple[int, ...], dtype: str) -> Buffer:
        assert self._scope is not None
        buffer = Buffer(name, shape, dtype)
        self._pointer(buffer)
        return buffer

    def _pointer(self, buffer: Buffer) -> str:
        """The C variable of a buffer, declared in the current function."""
        place = self._places.get(buffer.name)
        if place is None:
            assert self._scope is not None
            scratch = self._places[SCRATCH]
            place = Place(scratch.region, scratch.offset + self._scope.offsets[buffer.name])
        kind, bank = C_TYPES[buffer.dtype], self._banks[place.region]
        shape = " x ".join(map(str, buffer.shape))
        name = self._name_of(buffer)
        value = f"({kind} *)(void *)({bank} + {place.offset})"
        if name == STATE:
            value = self.function.constant("", name, f"{kind} *", value)
        return self.function.declare(name, f"{kind} *const {name} = {value}; /* {shape} */")

    def _name_of(self, buffer: Buffer) -> str:
        """What a buffer is called in the current function."""
        if self.function.any_state and buffer.name in STATES:
            return STATE
        return identifier(buffer.name.removeprefix(self.function.prefix))

    def free(self, *buffers: Buffer) -> None:
        pass

    def view(self, buffer: Buffer) -> View:
        return whole(self._pointer(buffer), buffer.dtype, buffer.shape)

    # -- weights ---------------------------------------------------------------------------------------------

    def _offset(self, section: str) -> int:
        return self.start + self.image.entries[section].offset

    def _bring(self, leaf: str, part: str, to: str) -> None:
        """Fetch a whole section, again until it arrives undamaged where that is checked."""
        f, size = self.function, self.image.entries[f"{leaf}/{part}"].size
        fetch = f"rr_fetch({to}, {self._at(leaf, part)}, {size}u);"
        if self.sums is None:
            f.line(fetch)
            return
        whole = Pieces(self._offset(f"{leaf}/{part}"), size)
        wanted = f.own(leaf, "sum", "uint32_t", f"{self.sums.of((whole,))}u")
        f.line("do")
        f.line(f"    {fetch}")
        f.line(f"while (rr_damaged({to}, {size}u, {wanted}));")
        f.line(LEAVE)

    def _at(self, leaf: str, part: str) -> str:
        """Where a section of a leaf stands in the image."""
        offset = self.function.constant(leaf, part, "uint32_t", str(self._offset(f"{leaf}/{part}")))
        return f"rr_flash_image + {offset}"

    def room(self, leaf: AnyLinear, count: int) -> Buffer:
        return self.alloc(f"{leaf.name} scales", (count * stored(leaf).row_bytes,), "int8")

    def scales(self, leaf: AnyLinear, rows: tuple[Tile, ...], room: Buffer) -> Scales:
        f, to = self.function, self._pointer(room)
        total: Number = sum((tile.size for tile in rows[1:]), rows[0].size)
        offset: Number = 0
        if self.sums is not None:
            f.line("do {")
            f.depth += 1
        for constant in stored(leaf).constants:
            size = constant.bytes
            source, within = self._at(leaf.name, constant.section), offset
            for tile in rows:
                at = to if within == 0 else f"{to} + {within}"
                first = product(tile.start, size)
                count = str(product(tile.size, size))
                f.line(f"rr_fetch({at}, {source} + {first}, {unsigned(count)});")
                within = within + product(tile.size, size)
            offset = offset + product(total, size)
        if self.sums is not None:
            f.depth -= 1
            wanted = self.sums.wanted(f, leaf.name, self.loops, (rows[0].start,),
                                      self._constants(leaf, rows))  # fmt: skip
            f.line(f"}} while (rr_damaged({to}, {unsigned(str(offset))}, {wanted}));")
            f.line(LEAVE)
        return Scales(rows, room)

    def _constants(self, leaf: AnyLinear, rows: tuple[Tile, ...]) -> Transfer:
        """What :meth:`scales` brings."""
        sections = [(self._offset(f"{leaf.name}/{constant.section}"), constant.bytes)
                    for constant in stored(leaf).constants]  # fmt: skip
        spans = [(tile.start, tile.size) for tile in rows]

        def at(now: Values) -> tuple[Pieces, ...]:
            here = [(value(start, now), value(size, now)) for start, size in spans]
            return tuple(Pieces(section + start * each, size * each)
                         for section, each in sections for start, size in here)  # fmt: skip

        return at

    def table(self, silu: Silu, buffer: Buffer) -> View:
        view = self.view(buffer)
        self._bring(silu.name, "table", view.address)
        return view

    def positions(self, rope: Rope, tile: Tile, buffer: Buffer, rows: Buffer) -> Op:
        half, view = rope.cos.shape[1], self.view(buffer)
        tables = (self._at(rope.name, part) for part in ("coarse", "fine"))
        self.function.call("rr_tile_angles", *tables, tile.start, tile.size, half, self._pointer(rows),
                           view.address)  # fmt: skip
        return Op("rotation", (view, half))

    def accumulate(self, sums: View, a: View, leaf: Weights, inner: Tile) -> None:
        mode = f"{inner.start} ? RR_ADD : RR_SET" if not isinstance(inner.start, int) else "RR_SET"
        self._linear(sums, a, leaf, mode)

    def finish(self, sums: View, leaf: AnyLinear, scales: Scales, to: View) -> View:
        room, biased = f"(const uint8_t *){self._pointer(scales.buffer)}", int(leaf.bias is not None)
        if isinstance(leaf, Linear):
            assert to == sums
            self.function.call("rr_tile_finish", sums.address, *sums.shape, room, biased)
        else:
            given = sums.address, 64 if sums.dtype == "int64" else 32, *sums.shape, room, biased
            self.function.call("rr_tile_block_finish", *given, to.address)
        return to

    # -- states ----------------------------------------------------------------------------------------------

    def _rows(self, buffer: Buffer, tile: Tile, across: bool) -> View:
        view = self.view(buffer)
        return view[:, tile.start : tile.stop].transpose(1, 0) if across else view[tile.start : tile.stop]

    def load(self, state: State, tile: Tile, across: bool) -> View | Op:
        view = self._rows(state.buffer, tile, across)
        if not isinstance(state.norm, Int8Norm):
            return view
        factor = self._factor(state.norm.to_state, f"{self._name_of(state.buffer)} to_state")
        return Op("stored", (view, factor))

    def store(self, state: State, tile: Tile, across: bool, h: View, norm: Norm | Int8Norm) -> None:
        f, to = self.function, self._rows(state.buffer, tile, across)
        exact = norm.norm if isinstance(norm, Int8Norm) else norm
        gain, eps = (
            f.constant(norm.name, part, "int32_t", str(getattr(exact, part))) for part in ("gain", "eps")
        )
        args = to.address, *to.strides, h.address, *h.shape, gain, eps
        if isinstance(norm, Int8Norm):
            f.call("rr_norm_s8", *args, self._factor(norm.to_code, f"{norm.name} to_code"))
        else:
            f.call("rr_norm_s16", *args)

    def input(self, tile: Tile, across: bool, row: Buffer | None) -> View | Op:
        if row is None:
            return self._rows(self._buffers["x"], tile, across)
        everything = Tile(0, self.config.positions if across else self.config.hidden_size)
        positions, channels = (everything, tile) if across else (tile, everything)
        return Op("embed", (positions, channels, across, row))

    def reset(self, state: State, init: Any) -> None:
        f, view = self.function, self.view(state.buffer)
        name = "H_init" if state.buffer.name == "z_H" else "L_init"
        positions, hidden = self.config.positions, self.config.hidden_size
        if isinstance(state.norm, Int8Norm):
            scratch = whole(self._scratch("int16"), "int16", (hidden,))
            self._bring(name, "values", scratch.address)
            factor = self._factor(state.norm.to_code, f"{name} to_code")
            f.line(f"rr_codes_s16({view.address}, {scratch.address}, 0, 1, 1, {hidden}, {factor});")
        else:
            self._bring(name, "values", view.address)
        f.line(f"for (int32_t t = 1; t < {positions}; t++)")
        f.line(
            f"    memcpy({view.address} + t * {hidden}, {view.address}, {hidden} * sizeof *{view.pointer});"
        )

    def _scratch(self, dtype: str) -> str:
        """The scratch segment before any sublayer runs."""
        place, kind = self._places[SCRATCH], C_TYPES[dtype]
        name = f"scratch_{dtype}"
        bank = self._banks[place.region]
        return self.function.declare(
            name, f"{kind} *const {name} = ({kind} *)(void *)({bank} + {place.offset});"
        )

    def embed_all(self) -> None:
        """x of everything, before the first call; its rows pass through the scratch segment."""
        x = self.view(self._buffers["x"])
        positions, channels = Tile(0, self.config.positions), Tile(0, self.config.hidden_size)
        self._embed(x, positions, channels, False, self._scratch("uint8"), 0)

    def hold(self, leaf: AnyLinear) -> None:
        """Bring a resident linear's codes into the arena."""
        to = self.view(self._buffers[leaf.name])
        self._bring(leaf.name, "codes", to.address)

    def keep(self, state: State, held: State) -> None:
        """What z_H was; where it lies in x, x comes back with :meth:`let_go`."""
        self.calls.append(f"memcpy({self.held_at()}, {self.state_of(state)}, {state.buffer.bytes}u);")

    def held_at(self) -> str:
        """The address of what z_H was."""
        place = self._places[X if shares_x(self.config, self.choices) else HELD]
        return f"{self._banks[place.region]} + {place.offset}"

    def moved(self, state: State, held: State, rows: Tile) -> str:
        """The call that writes OP-CHANGE into ``change``."""
        size, kind = rows.size * self.config.hidden_size, C_TYPES[state.buffer.dtype]
        places = self.state_of(state), self.held_at()
        both = ", ".join(f"(const {kind} *)(const void *)({place})" for place in places)
        if not isinstance(state.norm, Int8Norm):
            return f"rr_change({both}, {size}, change);"
        by = state.norm.to_state
        factor = f"{by.multiplier}, {by.shift}, {by.output_offset}, {by.out_bits}"
        return f"rr_change_s8({both}, {size}, &(const rr_factor){{{factor}}}, change);"

    def let_go(self, held: State) -> None:
        if not shares_x(self.config, self.choices):
            return
        self.function = Function("")
        self.embed_all()
        self.finish_function("x_again")

    def place_of(self, pointer: str) -> str:
        """The address of a buffer of the function written last, outside of it."""
        return self.function.declared[pointer].partition(" = ")[2].partition(";")[0]

    def state_of(self, state: State) -> str:
        """The address of a state's bytes."""
        place = self._places[state.buffer.name]
        return f"{self._banks[place.region]} + {place.offset}"


def embedding_source(embedding: Embedding, image: Image, start: int, hidden: int) -> str:
    """The tables of input rows as a constant."""
    rows = []
    for name, table in (("embed_tokens", embedding.tokens), ("embed_pos", embedding.positions),
                        ("puzzle_emb", embedding.puzzles)):  # fmt: skip
        parts = ["0" if table is None else
                 f"rr_flash_image + {start + image.entries[f'{name}/{part}'].offset}"
                 for part in ("codes", "multiplier", "shift")]  # fmt: skip
        rows.append(f"    {{{', '.join(parts)}}},\n")
    return f"static const rr_input rr_embedding = {{\n{''.join(rows)}    {hidden}, {embedding.prefix}\n}};\n"
