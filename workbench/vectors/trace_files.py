"""Recursion traces as files: JSON with one call a line, and one C header for all of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from refimpl.errors import InputError, shown
from refimpl.model_image import stop_values
from workbench.files.fields import Fields
from workbench.files.inputs import read_json
from workbench.files.outputs import write_file
from workbench.stop_text import parse_stop
from workbench.vectors.export_c import NOTICE, ArrayPool, literal, wrap
from workbench.vectors.tensors import decode
from workbench.vectors.traced import FOLDER, TRACED
from workbench.vectors.traces import MONTE_CARLO, MONTE_CARLO_MODEL, monte_carlo_document, trace_document

HEADER = "rr_traces.h"
MONTE_CARLO_ALGORITHM = "block_monte_carlo"
INT32_MAX = 2**31 - 1
CRC, CRC_SAID = r"[0-9a-f]{8}", "a CRC32, eight hex digits"


def freeze_images(golden: Path) -> list[str]:
    """Build the flash images anew and write them; return lines to print."""
    lines = []
    for traced in TRACED.values():
        if traced.of:
            continue
        data = traced.build()
        write_file(golden / FOLDER / f"{traced.name}.rrim", data)
        lines.append(f"{traced.name}.rrim: {len(data):,} bytes")
    return lines


def trace_documents(golden: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield (name, document) of every trace, computed from the frozen images."""
    for name, traced in TRACED.items():
        yield name, trace_document(traced, golden)
    yield MONTE_CARLO, monte_carlo_document(TRACED[MONTE_CARLO_MODEL], golden)


def dump_trace(document: dict[str, Any]) -> str:
    """JSON text; lists of calls and steps take a line an entry."""
    parts = []
    for key, value in document.items():
        text = json.dumps(value)
        if isinstance(value, list):
            text = "[\n" + ",\n".join("  " + json.dumps(v, separators=(",", ":")) for v in value) + "\n ]"
        parts.append(f' "{key}": {text}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read_traces(golden: Path) -> list[dict[str, Any]]:
    """All trace documents of ``golden``, sorted by name."""
    paths = sorted((golden / FOLDER).glob("*.json"))
    if not paths:
        raise InputError(f"{golden} holds no recursion traces ({FOLDER}/*.json).")
    return [_checked(read_json(path, "the trace")) for path in paths]


def _checked(trace: Fields) -> dict[str, Any]:
    """The document of a trace: what the C tables are made of is there and of its type."""
    monte = trace.choice("algorithm", ("recursion", MONTE_CARLO_ALGORITHM)) == MONTE_CARLO_ALGORITHM
    for key in ("schema", "generator", "name"):
        trace.text(key)
    trace.whole("puzzleId", 0, INT32_MAX)
    image, tokens = trace.table("image"), decode(trace.table("tokens"))
    _matches(image, "file", r"[\w-][\w.-]*", "the name of a file")
    if tokens.ndim != 1:
        raise trace.error("tokens must have one axis.")
    if monte:
        for key in ("numberOfCalls", "every"):
            trace.whole(key, 1, INT32_MAX)
        for value in trace.listed("crc32", str, "CRCs"):
            _matches(Fields(trace.where, {"crc32": value}), "crc32", CRC, CRC_SAID)
        decode(trace.table("final"))
        return dict(trace.data)
    image.whole("bytes", 1, INT32_MAX)
    _matches(image, "crc32", CRC, CRC_SAID)
    decode(trace.table("answer"))
    trace.whole("callsPerStep", 1, INT32_MAX)
    parse_stop(trace.text("stop"))
    trace.truth("stopped")
    for call in trace.tables("calls"):
        _matches(call, "crc32", CRC, CRC_SAID)
    for step in trace.tables("steps"):
        _matches(step, "logitsCrc32", CRC, CRC_SAID)
        _matches(step, "answerCrc32", CRC, CRC_SAID)
        q = step.listed("q", int, "whole numbers")
        if len(q) != 2 or max(map(abs, q)) > INT32_MAX:
            raise step.error(f"{step.label('q')} is {shown(q)}; it must be halt and continue, int32.")
    return dict(trace.data)


def _matches(fields: Fields, key: str, pattern: str, said: str) -> None:
    if not re.fullmatch(pattern, fields.text(key), re.ASCII):
        raise fields.error(f"{fields.label(key)} is {shown(fields.data[key])}; it must be {said}.")


def _words(name: str, values: list[str]) -> str:
    body = wrap("    ", [f"0x{v}u" for v in values], "    ")
    return f"static const uint32_t {name}[{len(values)}] = {{\n{body}}};\n"


def trace_header(documents: list[dict[str, Any]]) -> str:
    """C tables of all traces; ``rr_trace`` is documented in the header itself."""
    pool, words = ArrayPool("rr_trace"), list[str]()
    rows, monte = list[str](), ""
    for number, d in enumerate(documents):
        tokens = pool.name(decode(d["tokens"]), "int32")
        if d["algorithm"] == MONTE_CARLO_ALGORITHM:
            words.append(_words(f"rr_trace_crc_{number}", d["crc32"]))
            monte = (
                f'static const rr_monte_carlo rr_block_monte_carlo = {{"{d["image"]["file"]}", {tokens}, '
                f"{d['puzzleId']},\n    {d['numberOfCalls']}, {d['every']}, rr_trace_crc_{number}}};\n"
            )
            continue
        steps = d["steps"]
        words.append(_words(f"rr_trace_calls_{number}", [c["crc32"] for c in d["calls"]]))
        words.append(_words(f"rr_trace_logits_{number}", [s["logitsCrc32"] for s in steps]))
        words.append(_words(f"rr_trace_answers_{number}", [s["answerCrc32"] for s in steps]))
        q = wrap("    ", [literal(v, "int32") for s in steps for v in s["q"]], "    ")
        words.append(f"static const int32_t rr_trace_q_{number}[{2 * len(steps)}] = {{\n{q}}};\n")
        answer = pool.name(decode(d["answer"]), "int32")
        rows.append(
            f'    {{"{d["name"]}", "{d["image"]["file"]}", {d["image"]["bytes"]}u, 0x{d["image"]["crc32"]}u, '
            f"{tokens}, {d['puzzleId']}, {d['tokens']['shape'][0]},\n     {len(steps)}, {d['callsPerStep']}, "
            f"{int(d['stopped'])}, {{{', '.join(map(str, stop_values(parse_stop(d['stop']))))}}},\n     "
            f"rr_trace_calls_{number}, rr_trace_logits_{number}, rr_trace_q_{number}, "
            f"rr_trace_answers_{number},\n     {answer}}},\n"
        )
    types = """
/* One puzzle. calls[i]: CRC32 of the state that call i wrote (little-endian int16, position by position);
 * logits, answers: CRC32 (little-endian int32) after each ACT step; q: halt and continue of each step. stop:
 * kind (1 head, 2 settled, 3 both), t, of, over, least, more; calls beyond the steps are those of `more`. */
typedef struct {
    const char *name, *image;
    uint32_t image_bytes, image_crc32;
    const int32_t *tokens;
    int32_t puzzle_id, seq_len, steps, calls_per_step, stopped, stop[6];
    const uint32_t *calls, *logits;
    const int32_t *q;
    const uint32_t *answers;
    const int32_t *answer;
} rr_trace;

/* z = block(z + x rolled), the first block of the L stack: for call i, position t gets x of position
 * (t + i) mod T; z starts as L_init. crc32[j] is that of z after call (j + 1) * every. */
typedef struct {
    const char *image;
    const int32_t *tokens;
    int32_t puzzle_id, calls, every;
    const uint32_t *crc32;
} rr_monte_carlo;

"""
    return (
        f"{NOTICE}#ifndef RR_TRACES_H\n#define RR_TRACES_H\n\n#include <stdint.h>\n{types}"
        + "\n".join([*pool.text, *words])
        + f"\nstatic const rr_trace rr_traces[{len(rows)}] = {{\n{''.join(rows)}}};\n\n{monte}\n#endif\n"
    )
