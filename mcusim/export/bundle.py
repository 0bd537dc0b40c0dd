"""All files of an exported folder, by relative name."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mcusim.export.draws import drawn_header
from mcusim.export.expected import Expected, expected_source
from mcusim.export.layout import ARENA_ALIGN, Bank, arena_source, fragment
from mcusim.export.sources import firmware_sources, needed
from mcusim.export.vectors import operators_of, vector_files
from mcusim.images import IMAGE_ALIGN
from mcusim.kernels import Rooms, rooms_of
from mcusim.planner.notation import describe
from mcusim.planner.plan import Plan
from mcusim.planner.target import Target
from mcusim.units import format_bytes

FILES = Path(__file__).resolve().parent / "files"
ImageForm = Literal["binary", "array"]
IMAGE_NAME = "image.rrim"
WITH_RETRIES, WITH_ATTENTION = "example/accepted.c", "selftest/rr_draws_attention.c"


@dataclass(frozen=True)
class Facts:
    """What the header says of an export: ``name`` of the deployment, its plan, image and banks."""

    name: str
    plan: Plan
    image: bytes
    banks: tuple[Bank, ...]


@dataclass(frozen=True)
class Export:
    """What is exported: ``facts`` with plan, image and banks; where it lies; what it must reproduce.

    ``texts`` are the words of README.txt that only the command knows: MODEL, FORMAT, COMMAND.
    """

    facts: Facts
    target: Target
    puzzles: tuple[Expected, ...]
    image_form: ImageForm
    texts: Mapping[str, str]


def folder_files(export: Export, generated: Mapping[str, str]) -> dict[str, str | bytes]:
    """Relative name -> content of every file; ``generated`` are the plan's own sources (name -> text)."""
    facts, program = export.facts, export.target.program
    config, templates = facts.plan.config, _templates()
    plans = [plan for plan in (facts.plan, facts.plan.finish) if plan is not None]
    operators = tuple(dict.fromkeys(name for p in plans for name in operators_of(p.config, p.format)))
    if "rr_warranted.c" not in generated:
        del templates[WITH_RETRIES]
    if "scores" not in operators:
        del templates[WITH_ATTENTION]
    drawn = drawn_header(operators, config, facts.plan.format)
    vectors = {**vector_files(operators), "rr_drawn.h": drawn}
    own = {**generated, "rr_arena.c": arena_source(facts.banks)}
    kernels = needed({**own, **vectors, **templates}, firmware_sources())
    rooms = rooms_of(config, *(p.format for p in plans))
    kernels["rr_dot.h"] = with_rooms(kernels["rr_dot.h"], rooms)
    files: dict[str, str | bytes] = {f"src/{name}": text for name, text in {**kernels, **own}.items()}
    files |= {f"selftest/{name}": text for name, text in vectors.items()}
    files["selftest/rr_expected.h"] = expected_source(export.puzzles, facts.name)
    files["link/rr_regions.ld"] = fragment(facts.banks, program.stack.count, _aliases(export))
    values = _values(export)
    for name, text in templates.items():
        for key, value in values.items():
            text = text.replace(f"@{key}@", value)
        files[name] = text
    files["board/board.ld.S"] = _with_aliases(str(files["board/board.ld.S"]), facts.banks)
    if export.image_form == "binary":
        files[f"src/{IMAGE_NAME}"] = facts.image
    else:
        files |= {"src/rr_flash.c": _image_array(facts.image)}
        del files["src/rr_flash.S"]
    return files


TEST_STACK = 256  # bytes of stack for the self-test's own functions, above the solver's
VECTORS_STACK = 1696  # what the self-test's vectors and drawn cases take, however little the solver does
LONGEST = "2560"
ROOMS = f"#define RR_MAX_K {LONGEST}", f"#define RR_QUANTIZED_K {LONGEST}"


def with_rooms(header: str, rooms: Rooms) -> str:
    """The kernels' header with room for what this deployment stages and quantizes."""
    for line, inputs in zip(ROOMS, (rooms.staged, rooms.quantized), strict=True):
        assert line in header
        header = header.replace(line, line.replace(LONGEST, str(inputs)))
    return header


def _templates() -> dict[str, str]:
    """The files that are the same for every export but for words between @ signs."""
    paths = (path for path in sorted(FILES.rglob("*")) if path.is_file())
    return {path.relative_to(FILES).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def _image_array(image: bytes) -> str:
    rows = [", ".join(str(byte) for byte in image[i : i + 32]) for i in range(0, len(image), 32)]
    body = ",\n".join(rows)
    return (
        '#include "rr_solve.h"\n\n__attribute__((aligned(RR_IMAGE_ALIGN), section(".rr_image")))\n'
        f"const uint8_t rr_flash_image[RR_IMAGE_BYTES] = {{\n{body}}};\n"
    )


def _aliases(export: Export) -> dict[str, str]:
    """What each memory of the fragment was planned to be."""
    found = {
        bank.memory: f"{bank.region}, {format_bytes(bank.bytes)} of {format_bytes(bank.room)} free"
        for bank in export.facts.banks
    }
    image, size = export.target.memories.image, format_bytes(len(export.facts.image))
    found["RR_IMAGE"] = f"{image.name}, {size} of {format_bytes(image.bytes)}"
    return found


def _with_aliases(script: str, banks: tuple[Bank, ...]) -> str:
    """The board's script with its memories named for the fragment."""
    lines = [f'REGION_ALIAS("{bank.memory}", DATA)' for bank in banks] + ['REGION_ALIAS("RR_IMAGE", FLASH)']
    return script.replace("\nENTRY(", "\n" + "\n".join(lines) + "\n\nENTRY(", 1)


def _values(export: Export) -> dict[str, str]:
    facts, target, program = export.facts, export.target, export.target.program
    plan: Plan = facts.plan
    memory = [f"    arena in {bank.region}: {bank.bytes:,}" for bank in facts.banks]
    memory.append(f"    image in {target.memories.image.name}: {len(facts.image):,}")
    config = plan.config
    width = 1 if plan.format.carry == "int8" else 2
    return {
        "NAME": facts.name,
        "VOCAB": str(config.vocab_size),
        "ROWS": "1",  # the image of a run holds the one row that it reads
        "CALLS": str(sum(config.order.per_step.values())),
        "STATE": str(config.positions * config.hidden_size * width),
        "IMAGE": str(len(facts.image)),
        "IMAGE_CRC32": f"0x{zlib.crc32(facts.image):08x}",
        "IMAGE_ALIGN": str(IMAGE_ALIGN),
        "ARENA_ALIGN": str(ARENA_ALIGN),
        "ARENAS": str(len(facts.banks)),
        "ARRAYS": "".join(f"extern uint8_t {bank.symbol}[];\n" for bank in facts.banks),
        "RULE": "=" * len(facts.name),
        "SEQ": str(plan.config.seq_len),
        "STEPS": str(plan.config.halt_max_steps),
        "PUZZLES": str(len(export.puzzles)),
        "STACK": f"{program.stack.count:,}",
        "STACK_BOARD": str(max(program.stack.count + TEST_STACK, VECTORS_STACK)),
        "CODE": f"{program.code.count:,}",
        "STATICS": f"{program.statics.count:,}",
        "BASIS": f"{program.code.basis}: {program.code.source}",
        "TARGET": target.part.core.program.target,
        "MEMORY": "\n".join(memory),
        "PLAN": f"{describe(plan.choices)}, {format_bytes(plan.high_water)} of arena",
        **export.texts,
    }
