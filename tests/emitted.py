"""A plan's C built on the host: what it computes, how much it fetches, how much of its arena it touches."""

from __future__ import annotations

import subprocess
import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mcusim.emit.program import emit
from mcusim.export.layout import identifier
from mcusim.images import together
from mcusim.planner.choices import Choices
from mcusim.planner.plan import Plan, make_plan
from mcusim.planner.target import Room, lay_out
from refimpl import fast
from refimpl.block_params import Int8Norm
from refimpl.formats import Format
from refimpl.image import Image
from refimpl.model_image import ImageMeta, from_image, to_image
from refimpl.models.order import Call
from refimpl.models.tree import Model
from refimpl.ops.rescale import rescale
from workbench.fidelity import Reading

FIRMWARE = Path(__file__).resolve().parents[1] / "firmware" / "src"
GOLDEN_C = FIRMWARE.parents[1] / "golden" / "c"
KERNELS = ("tile", "tile_block", "tile_online", "block_linear", "fixed", "rescale", "stage", "dot_plain",
           "norm", "softmax", "attention", "change")  # fmt: skip
WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-Wconversion", "-Wshadow", "-Wstrict-prototypes",
            "-pedantic")  # fmt: skip
UNTOUCHED = 0xA5

HEADER = """#pragma once
#include <stdint.h>
enum {{ RR_SEQ = {seq}, RR_VOCAB = {vocab}, RR_PUZZLES = 1, RR_STEPS = {steps}, RR_STATE_BYTES = {state},
       RR_IMAGE_ALIGN = 16, RR_ARENA_ALIGN = 16, RR_ARENAS = {banks} }};
enum {{ RR_SOLVED, RR_BAD_TOKEN, RR_BAD_PUZZLE, RR_IMAGE_MISALIGNED, RR_ARENA_MISALIGNED }};
typedef struct {{
    void *context;
    void (*on_call)(void *context, int32_t call, char level, const void *state, uint32_t bytes);
}} rr_observer;
int32_t rr_solve(const uint8_t *tokens, int32_t puzzle, uint8_t *answer, int32_t *q);
int32_t rr_solve_observed(const uint8_t *tokens, int32_t puzzle, int32_t steps, const rr_observer *observer,
                          uint8_t *answer, int32_t *q);
extern const uint8_t rr_flash_image[{image}];
typedef struct {{
    const char *region;
    uint8_t *base;
    uint32_t bytes;
}} rr_arena_bank;
extern const rr_arena_bank rr_arenas[RR_ARENAS];
{arrays}"""

MAIN = """#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "rr_solve.h"
#include "rr_tile.h"
__asm__(".section .rodata\\n.balign 16\\n.globl rr_flash_image\\nrr_flash_image:\\n"
        ".incbin \\"image\\"\\n.previous\\n");
static unsigned long fetched;
void rr_fetch(void *to, const void *from, uint32_t bytes)
{
    fetched += bytes;
    memcpy(to, from, bytes);
}
/* The slowest driver: tiles arrive when they are waited for, and nothing else stands there meanwhile. */
enum { WAITING = 8 };
static struct {
    uint8_t *to;
    const uint8_t *from;
    uint32_t bytes, step;
    int32_t pieces;
} waiting[WAITING];
static uint32_t begun, arrived;
uint32_t rr_fetch_ahead(void *to, const void *from, uint32_t bytes, int32_t pieces, uint32_t step)
{
    if (begun - arrived == WAITING) abort();
    waiting[begun % WAITING].to = to;
    waiting[begun % WAITING].from = from;
    waiting[begun % WAITING].bytes = bytes;
    waiting[begun % WAITING].step = step;
    waiting[begun % WAITING].pieces = pieces;
    memset(to, 0x5A, bytes * (uint32_t)pieces);
    return begun++;
}
void rr_fetch_wait(uint32_t ticket)
{
    for (; (int32_t)(ticket - arrived) >= 0; arrived++)
        for (int32_t i = 0; i < waiting[arrived % WAITING].pieces; i++) {
            const uint32_t bytes = waiting[arrived % WAITING].bytes;
            rr_fetch(waiting[arrived % WAITING].to + (uint32_t)i * bytes,
                     waiting[arrived % WAITING].from + (uint32_t)i * waiting[arrived % WAITING].step, bytes);
        }
}
static uint32_t crc32(const uint8_t *data, uint32_t bytes)
{
    uint32_t crc = ~0u;
    for (; bytes--; data++) {
        crc ^= *data;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0xEDB88320u & -(crc & 1u));
    }
    return ~crc;
}
static void on_call(void *context, int32_t call, char level, const void *state, uint32_t bytes)
{
    (void)context;
    printf("call %d %c %u\\n", (int)call, level, crc32(state, bytes));
}
int main(void)
{
    static uint8_t tokens[RR_SEQ], answer[RR_SEQ];
    int32_t q[2];
    const rr_observer observer = {0, on_call};
    for (int i = 0; i < RR_ARENAS; i++) memset(rr_arenas[i].base, 0xA5, rr_arenas[i].bytes);
    if (fread(tokens, 1, RR_SEQ, stdin) != RR_SEQ) return 2;
    if (rr_solve_observed(tokens, 0, 0, &observer, answer, q) != RR_SOLVED) return 1;
    for (int i = 0; i < RR_SEQ; i++) printf("answer %d\\n", answer[i]);
    if (begun != arrived) return 3;
    printf("q %d\\nq %d\\nfetched %lu\\n", (int)q[0], (int)q[1], fetched);
    printf("ended %d\\nended %d\\n", (int)rr_steps_taken, (int)rr_stopped);
    uint32_t used[RR_ARENAS] = {0};
    for (int paint = 0xA5, more = 1; more; paint ^= 0xFF) { /* a byte may end with the value of the paint */
        for (int i = 0; i < RR_ARENAS; i++) {
            uint32_t to = rr_arenas[i].bytes;
            while (to > used[i] && rr_arenas[i].base[to - 1] == paint) to--;
            used[i] = to;
        }
        more = 0;
        for (int i = 0; i < RR_ARENAS; i++) more |= paint == 0xA5 && used[i] < rr_arenas[i].bytes;
        for (int i = 0; more && i < RR_ARENAS; i++) memset(rr_arenas[i].base, 0x5A, rr_arenas[i].bytes);
        if (more) rr_solve_observed(tokens, 0, 0, 0, answer, q);
    }
    for (int i = 0; i < RR_ARENAS; i++) printf("used %s %u\\n", rr_arenas[i].region, used[i]);
    return 0;
}
"""


@dataclass(frozen=True)
class Emitted:
    """A plan with the program of its images and its places in ``sizes`` (memory -> bytes of arena)."""

    plan: Plan
    program: Reading
    image: bytes
    sizes: dict[str, int]
    sources: dict[str, str]

    @property
    def model(self) -> Model:
        return self.program.model


@dataclass(frozen=True)
class Ran:
    """What the C printed: CRC32 of the state after each call, answer, q, bytes fetched and touched, steps and
    whether the rule stopped it."""

    calls: list[int]
    answer: list[int]
    q: list[int]
    fetched: int
    ended: list[int]
    used: dict[str, int]


def array(region: str) -> str:
    """The name of a memory's arena in C."""
    return f"rr_arena_{identifier(region)}"


def through_image(model: Model) -> Image:
    return Image(to_image(model, ImageMeta("a network", "x", "none", model.config.task, False)))


def emitted(model: Model, format: Format, choices: Choices, rooms: tuple[Room, ...] = (),
            finish: Model | None = None) -> Emitted:  # fmt: skip
    """Plan and emit an integer model, with the second one of its stop rule, through images."""
    rule, alone = model.config.stop, replace(model.config.stop, by="", more=0)
    image = through_image(model.with_stop(alone) if finish is not None else model)
    images = [image] if finish is None else [image, through_image(finish)]
    read, *others = map(from_image, images)
    read = read.with_depth(model.config.H_cycles, model.config.halt_max_steps).with_stop(rule)
    plan = make_plan(read.config, format, choices)
    segments = lay_out(plan.sizes, rooms or (Room("sram", plan.high_water),))
    assert segments is not None
    sizes: dict[str, int] = {}
    for s in segments:
        sizes[s.region] = max(sizes.get(s.region, 0), s.offset + s.bytes)
    banks = {region: array(region) for region in sizes}
    sources = emit(plan, (read, *others), images, segments, banks, "test").files
    return Emitted(plan, Reading(fast, read, *others), together(images), sizes, sources)


def build(it: Emitted, folder: Path, compiler: str = "gcc", sanitize: bool = True,
          kernels: Path = FIRMWARE, warnings: tuple[str, ...] = WARNINGS) -> Path:  # fmt: skip
    """Compile the plan with the kernels it calls, which lie in the folder ``kernels``."""
    config, arrays = it.plan.config, "".join(f"extern uint8_t {array(r)}[];\n" for r in it.sizes)
    state = config.positions * config.hidden_size * (1 if it.plan.format.carry == "int8" else 2)
    numbers = {"seq": config.seq_len, "vocab": config.vocab_size, "steps": config.halt_max_steps}
    header = HEADER.format(**numbers, state=state, banks=len(it.sizes), image=len(it.image), arrays=arrays)
    memory, rows = "", ""
    for region, size in it.sizes.items():
        memory += f"uint8_t {array(region)}[{size}] __attribute__((aligned(16)));\n"
        rows += f'    {{"{region}", {array(region)}, {size}}},\n'
    table = f"const rr_arena_bank rr_arenas[RR_ARENAS] = {{\n{rows}}};\n"
    files = {"rr_solve.h": header, **it.sources, "main.c": MAIN,
             "arena.c": f'#include "rr_solve.h"\n{memory}{table}'}  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(text)
    (folder / "image").write_bytes(it.image)
    checked = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    sources = [name for name in files if name.endswith(".c")]
    sources += [str(kernels / f"rr_{kernel}.c") for kernel in KERNELS]
    include = [f"-I{folder}", f"-I{kernels}", f"-I{GOLDEN_C}"]
    command = [compiler, *warnings, *(checked if sanitize else ("-O2",)), *include, "-o", "run", *sources]
    subprocess.run(command, check=True, cwd=folder)
    return folder / "run"


def ran(program: Path, tokens: np.ndarray) -> Ran:
    """Run the program on one puzzle."""
    given = tokens.astype(np.uint8).tobytes()
    done = subprocess.run([program], input=given, capture_output=True, timeout=1000)
    assert done.returncode == 0, done.stderr.decode()
    lines = [line.split() for line in done.stdout.decode().splitlines()]
    kinds = "call", "answer", "q", "fetched", "ended"
    last = {kind: [int(words[-1]) for words in lines if words[0] == kind] for kind in kinds}
    used = {words[1]: int(words[2]) for words in lines if words[0] == "used"}
    return Ran(last["call"], last["answer"], last["q"], last["fetched"][0], last["ended"], used)


def expected(program: Model | Reading, tokens: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """CRC32 of the stored state after each call, answer and q, by the reference."""
    program = program if isinstance(program, Reading) else Reading(fast, program)
    model = program.model
    crcs: list[int] = []

    def note(call: Call, z: np.ndarray) -> None:
        level = model.L_level if call.level == "L" else model.H_level
        norm = level[-1].channel.norm
        stored = np.ascontiguousarray(z[0], "<i2")
        if isinstance(norm, Int8Norm):
            units = rescale(np.arange(-128, 128, dtype=np.int8), norm.to_state)
            stored = (np.searchsorted(units, z[0]) - 128).astype(np.int8)
        crcs.append(zlib.crc32(stored.tobytes()))

    outputs = program.solve(tokens[None], None, note).outputs
    return crcs, outputs.logits[0].argmax(-1).tolist(), outputs.q[0].tolist()
