"""Wrong versions of the Python, one textual change each, and the tests that must notice.

``find`` occurs exactly once in its file.  The tests are parts of the ordinary suite: ``FILE`` or
``FILE::NAME`` below ``tests/``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mutant:
    """``find`` in ``file`` becomes ``replace``; ``tests`` separated by spaces."""

    about: str
    file: str
    find: str
    replace: str
    tests: str

    @property
    def name(self) -> str:
        return f"{self.file}: {' '.join(self.find.split())} -> {' '.join(self.replace.split())}"

    def applied(self) -> str:
        """The mutated source."""
        text = (ROOT / self.file).read_text(encoding="utf-8")
        if text.count(self.find) != 1:
            raise LookupError(f"{self.name}: {text.count(self.find)} places to change")
        return text.replace(self.find, self.replace)


BOUNDS, TARGET, LEDGER = "refimpl/quantize/bounds.py", "mcusim/planner/target.py", "mcusim/planner/ledger.py"
TIMING, FIDELITY, HALTING = "mcusim/timing.py", "workbench/fidelity.py", "refimpl/models/halting.py"
RECURSION, SHAPES, SITES = "refimpl/models/recursion.py", "workbench/image_shapes.py", "workbench/sites.py"
SEEDED, READERS, INPUTS = "workbench/seeded.py", "workbench/tasks/readers.py", "workbench/files/inputs.py"
PARTS, STOPPING, ARCHIVE = "mcusim/parts.py", "workbench/stopping.py", "workbench/checkpoints/archive.py"

_OF = {
    "bounds": (
        (BOUNDS, "first.peak + sum(other.peak for other in others), rows",
         "first.peak + max(other.peak for other in others), rows", "test_bounds.py"),
        (BOUNDS, "sum(row**2 for row in rows) + norm.eps", "max(row**2 for row in rows) + norm.eps",
         "test_bounds.py"),
        (BOUNDS, "sum(row**2 for row in rows) + norm.eps", "max(rows) ** 2 * norm.size + norm.eps",
         "test_bounds.py"),
        (BOUNDS, "isqrt(size << 2 * STATE_FRAC_BITS) + 2", "isqrt(size << STATE_FRAC_BITS) + 2",
         "test_bounds.py"),
        (BOUNDS, "ACTIVATION_MAX = 128", "ACTIVATION_MAX = 127", "test_bounds.py"),
        (BOUNDS, "[r + abs(int(b)) for r, b in zip", "[r + min(0, int(b)) for r, b in zip", "test_bounds.py"),
        (BOUNDS, "r << max(int(s), 0) for r, s", "r << min(int(s), 0) * 0 for r, s", "test_bounds.py"),
        (BOUNDS, "activation_max = TOKEN_CODE_MAX * wide_max", "activation_max = TOKEN_CODE_MAX",
         "test_bounds.py"),
        (BOUNDS, "max(2 * wide_max, MX_CODE_MAX)", "max(wide_max // 4, MX_CODE_MAX)", "test_bounds.py"),
        (BOUNDS, "added = [abs(int(b)) for b in p.bias]", "added = [0 for b in p.bias]", "test_bounds.py"),
        (BOUNDS, "Range(max(rows, puzzles) + positions)", "Range(max(rows, puzzles))", "test_bounds.py"),
        (BOUNDS, "(int(c) * int(m) >> 31 - int(s)) + 2 for c, m, s in scaled",
         "(int(c) * int(m) >> 32 - int(s)) + 2 for c, m, s in scaled", "test_bounds.py"),
        (BOUNDS, "self.head_dim * q.peak * k.peak", "q.peak * k.peak", "test_bounds.py"),
        (BOUNDS, "self.positions * SOFTMAX_TERM_MAX", "SOFTMAX_TERM_MAX", "test_bounds.py"),
        (BOUNDS, "mixed = probabilities.peak * v.peak", "mixed = PROBABILITY_MAX * v.peak", "test_bounds.py"),
        (BOUNDS, "ops.add(z_H, z_L).peak", "z_H.peak", "test_bounds.py"),
        (BOUNDS, "known is None or known.largest < largest", "known is None or known.largest > largest",
         "test_bounds.py"),
        (BOUNDS, "bound.largest >= bound.limit", "bound.largest > bound.limit", "test_bounds.py"),
        (BOUNDS, "return int(min(read, 2**15))", "return int(min(read, 2**10))", "test_bounds.py"),
        (BOUNDS, "INT64_LIMIT = 2**63", "INT64_LIMIT = 2**67", "test_bounds.py"),
    ),
    "fits": (
        ("mcusim/laid.py", "target.image_fits and plan.high_water", "plan.high_water",
         "test_mcusim_program.py test_mcusim_parts.py::test_a_small_part_with_banks_plans_the_default_network"
         "_and_refuses_a_large_one_in_a_sentence"),
        ("mcusim/laid.py", " and plan.lay_out(target) is not None", "", "test_mcusim_parts.py::"
         "test_a_small_part_with_banks_plans_the_default_network_and_refuses_a_large_one_in_a_sentence"),
        ("mcusim/laid.py", "plan.high_water <= room", "plan.high_water <= limit", "test_hints.py::"
         "test_every_remedy_of_a_run_that_does_not_fit_does_what_it_says"),
        (TARGET, "if used[room.region] + sizes[name] <= room.bytes", "if sizes[name] <= room.bytes",
         "test_mcusim_planner_plans.py::test_segments_go_to_one_region_if_one_holds_them_and_else_where_they_fit"),
        (TARGET, "if total <= room.bytes:", "if total:",
         "test_mcusim_planner_plans.py::test_segments_go_to_one_region_if_one_holds_them_and_else_where_they_fit"),
    ),
    "regions": (
        (TARGET, "left[image.name] -= image_bytes", "left[image.name] -= 0", "test_mcusim_program.py "
         "test_mcusim_planner_plans.py::test_weights_in_sram_need_no_buffer_to_pass_through"),
        (TARGET, "left[code.name] -= program.code.count", "left[code.name] -= 0", "test_mcusim_program.py"),
        (TARGET, "left[data.name] -= program.in_sram", "left[data.name] -= 0", "test_mcusim_program.py"),
        (TARGET, "min(left.values()) >= 0", "max(left.values()) >= 0", "test_mcusim_program.py"),
        (PARTS, "if region.bytes >= size]", "if region.bytes]",
         "test_mcusim_parts.py::test_the_arena_goes_to_the_first_region_that_is_large_enough"),
        (PARTS, "bytes=figures[\"size\"].count - (figures", "bytes=figures[\"size\"].count + 0 * (figures",
         "test_mcusim_parts.py::test_the_last_bytes_that_an_erratum_takes_are_not_there"),
        (PARTS, "self.kind in (\"nvm\", \"flash\") and", "self.kind == \"flash\" and",
         "test_mcusim_timing.py"),
        (PARTS, "return count / self.read if self.interface is None", "return 0.0 if self.interface is None",
         "test_mcusim_timing.py"),
        ("mcusim/planner/buffers.py", "any(a < d and c < b for", "any(a <= d and c <= b and a > d for",
         "test_mcusim_planner_plans.py::test_buffers_that_never_live_together_share_addresses"),
    ),
    "timing terms": (
        (TIMING, "(counts.requantizations - counts.rescales) * core", "(counts.requantizations - 0) * core",
         "test_mcusim_timing.py test_mcusim_terms.py"),
        (LEDGER, "c[\"adds\"] + c[\"products\"] + c[\"rope_elements\"]", "c[\"adds\"] + c[\"rope_elements\"]",
         "test_mcusim_terms.py"),
        (LEDGER, "c[\"adds\"] + c[\"products\"] + c[\"rope_elements\"]", "c[\"adds\"] + c[\"products\"]",
         "test_mcusim_terms.py"),
        (LEDGER, "arena_bytes=work.arena_bytes,", "arena_bytes=0,", "test_mcusim_terms.py"),
        (LEDGER, "work.attention_values + work.wide_macs", "work.attention_values", "test_mcusim_terms.py"),
        (LEDGER, "macs_w4a8=narrow if weight_bits <= 4 else 0", "macs_w4a8=narrow if weight_bits < 4 else 0",
         "test_mcusim_terms.py"),
        (LEDGER, "memories.image.time_s(length) * number", "memories.image.time_s(length)",
         "test_mcusim_terms.py"),
        (LEDGER, "return 3 * visits,", "return visits,", "test_mcusim_terms.py"),
        (LEDGER, "for kind in (work.codes, work.constants)\n", "for kind in (work.codes,)\n",
         "test_mcusim_terms.py"),
        (LEDGER, "calls=work.calls,", "calls=0,", "test_mcusim_terms.py"),
        (TIMING, "max(compute.high + waited, slowest)", "max(compute.high, slowest)",
         "test_mcusim_timing.py"),
        (TIMING, "total = total + time.total", "total = time.total", "test_mcusim_timing.py"),
        (TIMING, "* cycles.high * picojoules.high", "* cycles.high * picojoules.low",
         "test_mcusim_timing.py"),
        ("mcusim/flash.py", "self.bursts(count, burst_bytes) * self.overhead_clocks", "self.overhead_clocks",
         "test_mcusim_flash.py"),
        ("mcusim/planner/plan.py", "ledger.add(self.asking, max(0, steps + 1 - rule.least))",
         "ledger.add(self.asking, 1)", "test_mcusim_terms.py"),
    ),
    "fidelity": (
        (FIDELITY, "yield call, expected, state", "yield call, recorded[0][0][1], state",
         "test_lab_fidelity.py"),
        (FIDELITY, "for (call, expected), (_, state) in zip(*recorded, strict=True)",
         "for (call, state), (_, expected) in zip(*recorded, strict=True)", "test_lab_fidelity.py"),
        (FIDELITY, "        previous[call.level] = state\n", "", "test_lab_fidelity.py"),
        (FIDELITY, "if call.step == 0][-1]", "if call.step == 0][0]", "test_lab_fidelity.py"),
        (FIDELITY, "of_H[-1].flattened", "of_H[-1].cosine", "test_lab_fidelity.py"),
        (FIDELITY, "cosine(a, b, (-1,)).mean(axis=-1)", "cosine(a, b, (-1,)).max(axis=-1)",
         "test_lab_fidelity.py"),
        (FIDELITY, "np.where(norms > 0, norms, 1), both_zero)", "np.where(norms > 0, norms, 1), 0)",
         "test_lab_fidelity.py"),
    ),
    "halting": (
        (HALTING, "q[..., 0] > (0 if", "q[..., 0] >= (0 if", "test_halting.py"),
        (HALTING, "family == \"trm\" or", "family == \"hrm\" or", "test_halting.py"),
        (HALTING, "change[:, 0] <= rule.t * size", "change[:, 0] < rule.t * size", "test_halting.py"),
        (HALTING, "change[:, 0] <= rule.t * size", "change[:, 0] <= rule.t", "test_halting.py"),
        (HALTING, "else change[:, 1] <= rule.t", "else change[:, 0] <= rule.t", "test_halting.py"),
        (HALTING, "step + 1 >= rule.least", "step >= rule.least", "test_halting.py"),
        (HALTING, "np.concatenate(parts)[np.argsort(np.concatenate(numbers))]", "np.concatenate(parts)",
         "test_halting.py"),
        (RECURSION, "held = carry.z_H if rule.over == \"step\" else middle.z_H", "held = middle.z_H",
         "test_halting.py"),
        (RECURSION, "0 * going[ends] + step + 1", "0 * going[ends] + step", "test_halting.py"),
    ),
    "bytes": (
        (SHAPES, "sum(align(s.size) for s in sections)", "sum(s.size for s in sections)",
         "test_image_bytes.py"),
        (SHAPES, "align(HEADER.size + ENTRY.size * len(sections))", "align(HEADER.size)",
         "test_image_bytes.py"),
        (SHAPES, "shaped((rows, weights.blocks(inner)), np.uint8)", "shaped((rows, 1), np.uint8)",
         "test_image_bytes.py"),
        (SHAPES, "if weights.zero_point else None", "if not weights.zero_point else None",
         "test_image_bytes.py"),
        (SHAPES, "-(-shape[0] // STEP)", "shape[0] // STEP", "test_image_bytes.py"),
        ("refimpl/model_image.py", "f\"int{leaf.weight_bits}\"", "\"int8\"",
         "test_image_bytes.py test_image.py"),
    ),
    "calibration choice": (
        (SITES, "max(value.max(), -value.min())", "value.max()", "test_quantize_lower.py"),
        (SITES, "max(self.absmax.get(site, 0.0), peak)", "peak", "test_quantize_lower.py"),
        ("refimpl/quantize/calibration.py", "self.absmax[site] / qmax", "self.absmax[site] / (qmax + 1)",
         "test_quantize_lower.py"),
        ("workbench/calibrations.py", "weights is not None and bound != weights", "False", "test_api.py::"
         "test_ranges_of_other_weights_are_refused_with_the_command_that_takes_them_anew"),
        ("workbench/lab/second_order.py", "errors.argmin(axis=0)", "errors.argmax(axis=0)",
         "test_clip_choice.py"),
        ("workbench/lab/second_order.py", "CLIPS[int(sums.argmin())]", "CLIPS[0]", "test_clip_choice.py"),
        (STOPPING, "np.sort(means)[: max(1, len(means) // 2)]", "np.sort(means)", "test_stopping.py"),
        (STOPPING, "math.sqrt(needed * wrong)", "wrong", "test_stopping.py"),
    ),
    "seeds": (
        (SEEDED, "[seed, zlib.crc32(key.encode()), block]", "[seed, 0, block]", "test_presets.py"),
        (SEEDED, "[seed, zlib.crc32(key.encode()), block]", "[0, zlib.crc32(key.encode()), block]",
         "test_presets.py"),
        (SEEDED, "[seed, zlib.crc32(key.encode()), block]", "[seed, zlib.crc32(key.encode())]",
         "test_presets.py"),
        (SEEDED, "yield values[: rows - start]", "yield values[-(rows - start) :]", "test_presets.py"),
        ("workbench/tasks/significance.py", "np.random.default_rng(seed)", "np.random.default_rng()",
         "test_tasks_metrics.py"),
        ("workbench/tasks/sets.py", "self.givens or 0, self.seed, side", "self.givens or 0, CARD_SEED, side",
         "test_tasks_sudoku.py::test_a_held_out_set_is_drawn_by_its_own_seed"),
    ),
    "readers": (
        (READERS, "complete[0] & complete[1] & complete[2]", "complete[0] & complete[1]",
         "test_tasks_readers.py"),
        (READERS, "(questions != 0) & (questions != answers)", "(questions != 0) & False",
         "test_tasks_readers.py"),
        (READERS, "if len(text) != cells:", "if len(text) < cells:", "test_tasks_readers.py"),
        (READERS, "(unmarked != questions).any(axis=1)", "(unmarked > 255).any(axis=1)",
         "test_tasks_readers.py"),
        (INPUTS, "if len(found) < len(pairs):", "if len(found) > len(pairs):", "test_file_doors.py"),
        (INPUTS, "status.st_size > most:", "status.st_size < 0:", "test_file_doors.py"),
        (INPUTS, "\"utf-8-sig\"", "\"utf-8\"", "test_file_doors.py"),
        (INPUTS, "value if math.isfinite(value) else constant", "value if True else constant",
         "test_file_doors.py"),
        ("workbench/files/fields.py", "if not least <= value <= most:", "if not least <= value:",
         "test_file_doors.py"),
        (ARCHIVE, "LOCAL_HEADER_BYTES + one.compress_size > next_one.header_offset",
         "LOCAL_HEADER_BYTES > next_one.header_offset", "test_archives.py"),
        (ARCHIVE, "if total > most:", "if total < 0:", "test_archives.py"),
        ("workbench/tasks/metrics.py", "labels != IGNORED", "labels == labels", "test_tasks_metrics.py"),
    ),
}  # fmt: skip


def _mutants() -> Iterator[Mutant]:
    for about, rows in _OF.items():
        for file, find, replace, tests in rows:
            yield Mutant(about, file, find, replace, tests)


MUTANTS = tuple(_mutants())
