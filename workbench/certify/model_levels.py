"""The levels that need a whole model behind the port: block, recursion, Monte Carlo, interruption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from refimpl import fast
from refimpl.errors import RefimplError
from refimpl.image import Image
from refimpl.models import blocks
from refimpl.models.recursion import reset
from workbench.certify.hostile import mutants
from workbench.certify.level import Level
from workbench.certify.models import Models, Solved, Trace
from workbench.certify.reach import Reached
from workbench.image_cli import accepted
from workbench.vectors.check import Misbehaved
from workbench.vectors.draws import Draws
from workbench.vectors.tensors import Array
from workbench.vectors.traced import find_traced
from workbench.vectors.traces import MONTE_CARLO_MODEL, crc32, monte_carlo_states, state_after

EDGES = np.array([-98304, -65536, -32768, -1, 0, 1, 32767, 65534, 98301])  # sums of up to three states
FLIPS, INTERRUPTED = 64, 2  # flipped bits of an image; traces that are interrupted
SMALL_IMAGE, FEW_CALLS = 65536, 2
SEED = "model levels 1"


def served(port: Reached, traces: list[Trace]) -> list[Trace]:
    """The traces of the declared formats that fit the port's flash."""
    return [t for t in traces if t.format in port.port.formats and len(t.data) <= port.capacity.flash]


def why_none(port: Reached, traces: list[Trace]) -> str:
    """Why no level with models can be computed; empty if one can."""
    if not port.port.formats:
        return "no formats are declared"
    if not port.capacity.flash:
        return "the port answers no requests about models"
    return "" if served(port, traces) else "no image of the declared formats fits the port's flash"


def first_difference(wanted: Array, got: Array) -> str:
    """Position, channel and both values of the first difference of two states."""
    if wanted.shape != got.shape:
        return f"has the shape {got.shape}, not {wanted.shape}"
    at = np.argwhere(wanted != got)
    if not len(at):
        return "is right when asked for alone"
    t, d = (int(i) for i in at[0])
    return f"[position {t}, channel {d}]: {got[t, d]}, not {wanted[t, d]}"


def _each(
    level: Level, port: Reached, traces: Iterable[Trace], one: Callable[[Models, Trace], None]
) -> Level:
    """Load the image of each trace and hand it to ``one``; a port that misbehaves fails that trace."""
    names = []
    for trace in traces:
        names.append(trace.name)
        models = Models(port)
        try:
            loaded = models.load(trace.data)
            if isinstance(loaded, str):
                level.count(trace.name)
                level.fail(trace.name, f"is refused: {loaded}")
            else:
                one(models, trace)
        except Misbehaved as error:
            level.count(trace.name)
            level.fail(trace.name, f"misbehaves: {error}")
            port.restart()
    return level.close(names)


def _alike(models: Models, trace: Trace, data: bytes) -> tuple[bool, str]:
    """Whether the specification refuses an image, and what the port does otherwise; empty if the same."""
    try:
        model = accepted(Image(data, "the image"))
    except RefimplError as error:
        return True, "" if isinstance(models.load(data), str) else f"is loaded, but {error}"
    loaded = models.load(data)
    if isinstance(loaded, str):
        return False, f"is refused ({loaded}), but is sound"
    if model.config.seq_len != len(trace.tokens):
        return False, ""
    got = models.monte_carlo(trace, FEW_CALLS, 1)
    config, prefix = model.config, model.config.puzzle_emb_len
    if trace.tokens.max() >= config.vocab_size or (prefix and trace.puzzle >= config.num_puzzle_identifiers):
        return False, "" if got is None else "runs, but a token or the puzzle lies outside its table"
    states = monte_carlo_states(model, trace.tokens, trace.puzzle, FEW_CALLS, 1)
    wanted = [crc32(z, "int16") for z in states]
    return False, "" if got == wanted else f"leaves states {got}, not {wanted}"


def images(port: Reached, traces: list[Trace], count: int, progress: Callable[[], None]) -> Level:
    """Changed images with right checksums: loaded by both or by neither, and then with equal states."""
    level, small = Level("images"), [t for t in _images(traces) if len(t.data) <= SMALL_IMAGE]
    if not small:
        level.why = f"no image of the declared formats has at most {SMALL_IMAGE:,} bytes"
        return level
    models = Models(port)
    for number, (base, data) in enumerate(mutants(count, f"{SEED} images", [t.data for t in small])):
        trace = small[base]
        level.count(trace.name)
        try:
            refused, told = _alike(models, trace, data)
            level.refused += refused
        except Misbehaved as error:
            told, models = f"misbehaves: {error}", Models(port)
            port.restart()
        if told:
            level.fail(trace.name, f"changed, number {number}, {told}")
        progress()
    return level.close(())


def _images(traces: Iterable[Trace]) -> list[Trace]:
    """One trace an image."""
    return list({t.document["image"]["file"]: t for t in reversed(list(traces))}.values())[::-1]


def _inputs(trace: Trace) -> Iterator[Array]:
    """What a block meets first, random states, edges, and nothing."""
    config, draws = trace.model.config, Draws(f"{SEED} {trace.name}")
    shape = (config.positions, config.hidden_size)
    carry = reset(fast, trace.model, 1)
    x = fast.embed(trace.tokens[None], np.array([trace.puzzle]), trace.model.embedding)
    yield fast.add(carry.z_L, carry.z_H, x)[0]
    yield draws.integers(-(2**12), 2**12, *shape)
    yield EDGES[draws.integers(0, len(EDGES) - 1, *shape)]
    yield np.zeros(shape, np.int64)


def block(port: Reached, traces: list[Trace]) -> Level:
    """Every block of every image, alone."""
    level = Level("block")

    def one(models: Models, trace: Trace) -> None:
        model = trace.model
        stacks = {"L": model.L_level, "H": model.H_level}
        for name, layers in list(stacks.items())[: 1 if model.H_level is model.L_level else 2]:
            for number, layer in enumerate(layers):
                for h in _inputs(trace):
                    wanted = blocks.block(fast, layer, h.astype(np.int32)[None], model.config.num_heads)[0]
                    got = models.block(name, number, h.astype(np.int32))
                    level.count(trace.name)
                    if got is None or not np.array_equal(got, wanted):
                        told = "is refused" if got is None else first_difference(wanted, got)
                        level.fail(trace.name, f"{name} block {number} {told}")

    return _each(level, port, _images(traces), one)


def divergence(trace: Trace, solved: Solved) -> str:
    """The first thing that differs from the trace, in words; ``call N`` where it is a state."""
    document = trace.document
    wanted = [c["crc32"] for c in document["calls"]]
    for call, (want, got) in enumerate(zip(wanted, solved.calls, strict=False)):
        if want != got:
            return f"call {call}"
    if len(wanted) != len(solved.calls):
        return f"made {len(solved.calls)} calls, not {len(wanted)}"
    steps = [(s["logitsCrc32"], *s["q"], s["answerCrc32"]) for s in document["steps"]]
    for step, (right, out) in enumerate(zip(steps, solved.read_outs, strict=False)):
        for what, a, b in zip(("logits", "halt", "continue", "answer"), right, out, strict=True):
            if a != b:
                return f"{what} of step {step} differ first: {b}, not {a}"
    if (solved.steps, solved.stopped) != (len(steps), document["stopped"]):
        return f"ended after {solved.steps} steps (stopped: {solved.stopped}), not {len(steps)}"
    return "answer differs" if solved.answer != trace.answer else ""


def hold(level: Level, models: Models, trace: Trace, golden: Path, when: str = "") -> Solved | None:
    """One solve against its trace; the first divergence is told with its place."""
    solved = models.solve(trace)
    level.count(trace.name)
    if solved is None:
        level.fail(trace.name, f"{when}is refused")
        return None
    told = divergence(trace, solved)
    if told.startswith("call "):
        call = int(told.split()[1])
        state = models.state(trace, call)
        where = document_call(trace, call)
        told = f"state of {told} ({where}) differs first, "
        wanted = state_after(find_traced(trace.name), golden, call)
        told += "no state was shown" if state is None else first_difference(wanted, state)
    if told:
        level.fail(trace.name, f"{when}{told}")
    return solved


def document_call(trace: Trace, call: int) -> str:
    """Where a call stands: ACT step and level."""
    entry = trace.document["calls"][call]
    return f"step {entry['step']}, z_{entry['level']}"


def recursion(port: Reached, traces: list[Trace], golden: Path) -> Level:
    """Every traced puzzle: each state, each read-out, the answer; the stack as the port reports it."""
    level, stack = Level("recursion"), 0

    def one(models: Models, trace: Trace) -> None:
        nonlocal stack
        solved = hold(level, models, trace, golden)
        if solved is not None:
            stack = max(stack, solved.stack)

    _each(level, port, traces, one)
    limit = port.port.stack_bytes
    level.notes.append(f"stack: {stack:,} bytes used at most" if stack else "stack: not reported by the port")
    if limit and not stack:
        level.uncomputed.append("stack")
    if limit and stack > limit:
        level.fail("stack", f"of {stack:,} bytes is used; {limit:,} are declared")
    return level


def monte_carlo(port: Reached, traces: list[Trace], calls: int) -> Level:
    """One block fed its own output ``calls`` times, a CRC every hundredth of them."""
    level, every = Level("Monte Carlo"), max(calls // 100, 1)
    chosen = sorted(_images(traces), key=lambda t: (t.name != MONTE_CARLO_MODEL, len(t.data)))[:1]

    def one(models: Models, trace: Trace) -> None:
        got = models.monte_carlo(trace, calls, every)
        states = monte_carlo_states(trace.model, trace.tokens, trace.puzzle, calls, every)
        level.count(trace.name, calls)
        for number, (state, crc) in enumerate(zip(states, got or (), strict=False)):
            if crc32(state, "int16") != crc:
                level.fail(trace.name, f"differs between calls {number * every} and {(number + 1) * every}")
                return
        if got is None or len(got) != calls // every:
            level.fail(trace.name, f"gave {len(got or ())} checksums, not {calls // every}")

    return _each(level, port, chosen, one)


def interruption(port: Reached, traces: list[Trace], golden: Path) -> Level:
    """Runs given up between two calls, a process ended in a call, and images with one flipped bit."""
    level = Level("interruption")
    chosen = sorted(_images(traces), key=lambda t: len(t.data))[:INTERRUPTED]

    def one(models: Models, trace: Trace) -> None:
        calls = len(trace.document["calls"])
        for call in sorted({0, calls // 2, calls - 1}):
            models.solve(trace, give_up=call)
            hold(level, models, trace, golden, f"after a run given up at call {call}: ")
        if port.restarts:
            models.abandon_solve(trace)
            models.load(trace.data)
            hold(level, models, trace, golden, "after the process was ended in a call: ")
        draws = Draws(f"{SEED} flips {trace.name}")
        for bit in draws.integers(0, 8 * len(trace.data) - 1, FLIPS).tolist():
            flipped = bytearray(trace.data)
            flipped[bit // 8] ^= 1 << bit % 8
            level.count(trace.name)
            if isinstance(models.load(bytes(flipped)), str):
                level.refused += 1
            else:
                level.fail(
                    trace.name, f"with bit {bit % 8} of byte {bit // 8} flipped is loaded, not refused"
                )
        models.load(trace.data)
        hold(level, models, trace, golden, "after damaged images: ")

    if not port.restarts:
        level.notes.append("end of the process in a call: only a command can be ended from here")
    return _each(level, port, chosen, one)
