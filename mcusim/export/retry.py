"""``rr_warranted``: answers with a warrant in an exported folder, relabellings as tables."""

from __future__ import annotations

from collections.abc import Sequence

from refimpl.models.config import ModelConfig
from workbench.retry import SEED, relabellings
from workbench.tasks.relabel import Relabelling
from workbench.tasks.sets import side_of
from workbench.tasks.sudoku import box_shape

HEADER = """/* Answers with a warrant. Generated; do not edit. */
#ifndef RR_WARRANTED_H
#define RR_WARRANTED_H

#include "rr_retry.h"

enum {{ RR_RETRIES = {count} }};

/* rr_solve; an answer is accepted where the stop rule ended its run{and_rules}.
 * A refused puzzle is tried again under up to RR_RETRIES relabellings. warrant->tried is the try that was
 * accepted, from 1, or 0: keep silent then. Returns what rr_solve returns. */
int32_t rr_solve_accepted(const uint8_t *tokens, int32_t puzzle, uint8_t *answer, rr_warrant *warrant);

#endif
"""
SOURCE = """/* Relabellings drawn from seed {seed} on, and the runs under them. Generated; do not edit. */
#include "rr_warranted.h"
#include "rr_rules.h"
#include "rr_solve.h"

{tables}
static const rr_relabelling rr_names[RR_RETRIES] = {{
{rows}}};

static int32_t rr_once(void *context, const uint8_t *tokens, uint8_t *answer, int32_t *steps,
                       int32_t *stopped)
{{
    int32_t q[2];
    const int32_t result = rr_solve(tokens, *(const int32_t *)context, answer, q);
    *steps = rr_steps_taken;
    *stopped = rr_stopped;
    return result;
}}
{keeps}
int32_t rr_solve_accepted(const uint8_t *tokens, int32_t puzzle, uint8_t *answer, rr_warrant *warrant)
{{
    static uint8_t room[2 * RR_SEQ];
    return rr_solve_warranted(rr_once, {rules}, &puzzle, rr_names, RR_RETRIES, RR_SEQ, tokens, answer,
                              room, warrant);
}}
"""
KEEPS = """
static int32_t rr_keeps(void *context, const uint8_t *tokens, const uint8_t *answer)
{{
    (void)context;
{body}}}
"""


def retry_sources(config: ModelConfig, count: int) -> dict[str, str]:
    """``rr_warranted.c`` and its header for ``count`` retries under the tables of :func:`workbench.retry`.

    Raises InputError where there are none.
    """
    drawn = relabellings(config, count)
    body = _check(config)
    rows = "".join(f"    {{names_{i}, source_{i}, {config.seq_len}, {config.vocab_size}}},\n"
                   for i in range(count))  # fmt: skip
    return {
        "rr_warranted.h": HEADER.format(
            count=count, and_rules=" and it keeps the rules of the task" if body else ""
        ),
        "rr_warranted.c": SOURCE.format(
            seed=SEED, tables="\n".join(_tables(i, new) for i, new in enumerate(drawn)), rows=rows,
            keeps=KEEPS.format(body=body) if body else "", rules="rr_keeps" if body else "0",
        ),
    }  # fmt: skip


def _check(config: ModelConfig) -> str:
    if config.task == "sudoku":
        height, width = box_shape(side_of(config))
        return f"    return rr_sudoku_rules(tokens, answer, {height}, {width});\n"
    if config.task == "maze":
        return (f"    static int16_t cells[{2 * config.seq_len}];\n"
                f"    return rr_maze_rules(tokens, answer, {side_of(config)}, cells);\n")  # fmt: skip
    return ""


def _tables(number: int, new: Relabelling) -> str:
    return _array("uint8_t", f"names_{number}", new.tokens.tolist()) + _array(
        "uint16_t", f"source_{number}", new.source.tolist()
    )


def _array(kind: str, name: str, values: Sequence[int]) -> str:
    lines = [", ".join(map(str, values[i : i + 20])) for i in range(0, len(values), 20)]
    body = ",\n    ".join(lines)
    return f"static const {kind} {name}[{len(values)}] = {{\n    {body}}};\n"
