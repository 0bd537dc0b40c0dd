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

    def applied(self, root: Path = ROOT) -> str:
        """The mutated source of the project below ``root``."""
        text = (root / self.file).read_text(encoding="utf-8")
        if text.count(self.find) != 1:
            raise LookupError(f"{self.name}: {text.count(self.find)} places to change")
        return text.replace(self.find, self.replace)


BOUNDS, TARGET, LEDGER = "refimpl/quantize/bounds.py", "mcusim/planner/target.py", "mcusim/planner/ledger.py"
TIMING, FIDELITY, HALTING = "mcusim/timing.py", "workbench/fidelity.py", "refimpl/models/halting.py"
RECURSION, SHAPES, SITES = "refimpl/models/recursion.py", "workbench/image_shapes.py", "workbench/sites.py"
SEEDED, READERS, INPUTS = "workbench/seeded.py", "workbench/tasks/readers.py", "workbench/files/inputs.py"
PARTS, STOPPING, ARCHIVE = "mcusim/parts.py", "workbench/stopping.py", "workbench/checkpoints/archive.py"
SILICON = "mcusim/silicon.py"

_NETWORK = "test_bounds.py::test_the_bounds_of_one_network_are_these"
_LONG = "test_bounds.py::test_a_network_with_one_long_row_is_proved_by_the_sum_of_its_rows"
_BIAS = "test_bounds.py::test_a_bias_counts_in_the_accumulator_of_a_linear"
_ONLINE = (
    "test_bounds.py::"
    "test_the_output_of_a_linear_that_quantizes_its_input_is_bounded_by_the_wide_input_and_its_bias"
)
_EMBED = "test_bounds.py::test_a_position_row_is_added_to_the_larger_of_token_and_puzzle_rows"
_ATTEND = "test_bounds.py::test_every_operator_of_attention_is_bounded_by_its_own_length"
_CARRY = "test_bounds.py::test_an_int8_carry_is_bounded_by_what_is_read_back"
_LIMIT = (
    "test_bounds.py::"
    "test_the_largest_bound_of_a_register_is_kept_and_one_that_reaches_the_limit_is_refused"
)
_RULE = "test_halting.py::test_heads_and_states_at_the_edge_of_a_rule"
_STEP = "test_halting.py::test_a_rule_over_the_step_compares_with_where_the_step_began"
_PLACES = "test_halting.py::test_parts_of_a_batch_come_back_in_the_order_of_their_puzzles"
_ALONE = "test_halting.py::test_a_batch_stops_each_puzzle_where_the_rule_written_out_stops_it_alone"
_SIZE = "test_image_bytes.py::test_the_footprint_is_the_length_of_the_image_in_every_format"

_OF = {
    "bounds": (
        (BOUNDS, "first.peak + sum(other.peak for other in others), rows",
         "first.peak + max(other.peak for other in others), rows", _NETWORK),
        (BOUNDS, "sum(row**2 for row in rows) + norm.eps", "max(row**2 for row in rows) + norm.eps",
         _NETWORK),
        (BOUNDS, "sum(row**2 for row in rows) + norm.eps", "max(rows) ** 2 * norm.size + norm.eps",
         _LONG),
        (BOUNDS, "isqrt(size << 2 * STATE_FRAC_BITS) + 2", "isqrt(size << STATE_FRAC_BITS) + 2",
         _NETWORK),
        (BOUNDS, "ACTIVATION_MAX = 128", "ACTIVATION_MAX = 127", _BIAS),
        (BOUNDS, "[r + abs(int(b)) for r, b in zip", "[r + min(0, int(b)) for r, b in zip", _BIAS),
        (BOUNDS, "r << max(int(s), 0) for r, s", "r << min(int(s), 0) * 0 for r, s", _BIAS),
        (BOUNDS, "activation_max = TOKEN_CODE_MAX * wide_max", "activation_max = TOKEN_CODE_MAX",
         _ONLINE),
        (BOUNDS, "max(2 * wide_max, MX_CODE_MAX)", "max(wide_max // 4, MX_CODE_MAX)", _ONLINE),
        (BOUNDS, "added = [abs(int(b)) for b in p.bias]", "added = [0 for b in p.bias]", _ONLINE),
        (BOUNDS, "Range(max(rows, puzzles) + positions)", "Range(max(rows, puzzles))", _EMBED),
        (BOUNDS, "(int(c) * int(m) >> 31 - int(s)) + 2 for c, m, s in scaled",
         "(int(c) * int(m) >> 32 - int(s)) + 2 for c, m, s in scaled", _EMBED),
        (BOUNDS, "self.head_dim * q.peak * k.peak", "q.peak * k.peak", _ATTEND),
        (BOUNDS, "self.positions * SOFTMAX_TERM_MAX", "SOFTMAX_TERM_MAX", _ATTEND),
        (BOUNDS, "mixed = probabilities.peak * v.peak", "mixed = PROBABILITY_MAX * v.peak", _ATTEND),
        (BOUNDS, "ops.add(z_H, z_L).peak", "z_H.peak", _NETWORK),
        (BOUNDS, "known is None or known.largest < largest", "known is None or known.largest > largest",
         _LIMIT),
        (BOUNDS, "bound.largest >= bound.limit", "bound.largest > bound.limit", _LIMIT),
        (BOUNDS, "return int(min(read, 2**15))", "return int(min(read, 2**10))", _CARRY),
        (BOUNDS, "INT64_LIMIT = 2**63", "INT64_LIMIT = 2**67", _LIMIT),
    ),
    "fits": (
        ("mcusim/planner/plan.py", "target.image_fits and inside and", "inside and",
         "test_mcusim_program.py::test_an_image_that_no_memory_holds_does_not_fit_whatever_the_arena"),
        ("mcusim/planner/plan.py", " and self.lay_out(target) is not None", "", "test_mcusim_program.py::"
         "test_an_arena_that_no_region_holds_does_not_fit_whatever_the_budget"),
        ("mcusim/laid.py", "plan.fits(target, room)", "plan.fits(target, limit)",
         "test_mcusim_program.py::test_a_deployment_fits_to_the_byte"),
        ("mcusim/planner/plan.py", "self.high_water <= limit", "self.high_water >= 0",
         "test_mcusim_wanted.py::test_the_least_traffic_is_that_of_the_plans_that_fit"),
        (TARGET, "if used[room.region] + sizes[name] <= room.bytes", "if sizes[name] <= room.bytes",
         "test_mcusim_planner_plans.py::test_segments_go_to_one_region_if_one_holds_them_and_else_where_they_fit"),
        (TARGET, "if total <= room.bytes:", "if total:",
         "test_mcusim_planner_plans.py::test_segments_go_to_one_region_if_one_holds_them_and_else_where_they_fit"),
        ("mcusim/report.py", "self.budget.missing == 0 and all(", "all(", "test_hints.py::"
         "test_every_remedy_of_a_run_that_does_not_fit_does_what_it_says"),
        ("mcusim/report.py", " and all(region.missing == 0 for region in self.regions)", "",
         "test_mcusim_program.py::test_a_part_too_small_is_refused_by_name_of_what_it_holds"),
    ),
    "regions": (
        (TARGET, "left[image.name] -= image_bytes", "left[image.name] -= 0", "test_mcusim_program.py "
         "test_mcusim_planner_plans.py::test_weights_in_sram_need_no_buffer_to_pass_through"),
        (TARGET, "left[code.name] -= program.code.count", "left[code.name] -= 0",
         "test_mcusim_program.py::test_image_and_code_share_a_memory_to_the_byte"),
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
        (TIMING, "counts.requantizations - counts.rescales - sum(", "counts.requantizations - sum(",
         "test_mcusim_timing.py test_mcusim_terms.py"),
        (PARTS, "self.current.value * self.supply.value", "self.current.value", "test_mcusim_parts.py"),
        (SILICON, 'if a.use == "fit" and a.board != without', 'if a.use == "fit"', "test_mcusim_silicon.py"),
        (SILICON, "p.published / known(p) for", "p.published for", "test_mcusim_silicon.py"),
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
        (HALTING, "q[..., 0] > (0 if", "q[..., 0] >= (0 if", _RULE),
        (HALTING, "family == \"trm\" or", "family == \"hrm\" or", _RULE),
        (HALTING, "change[:, 0] <= rule.t * size", "change[:, 0] < rule.t * size", _RULE),
        (HALTING, "change[:, 0] <= rule.t * size", "change[:, 0] <= rule.t", _RULE),
        (HALTING, "else change[:, 1] <= rule.t", "else change[:, 0] <= rule.t", _RULE),
        (HALTING, "step + 1 >= rule.least", "step >= rule.least", _RULE),
        (HALTING, "np.concatenate(parts)[np.argsort(np.concatenate(numbers))]", "np.concatenate(parts)",
         _PLACES),
        (RECURSION, "held = carry.z_H if rule.over == \"step\" else middle.z_H", "held = middle.z_H",
         _STEP),
        (RECURSION, "0 * going[ends] + step + 1", "0 * going[ends] + step", _ALONE),
    ),
    "bytes": (
        (SHAPES, "sum(align(s.size) for s in sections)", "sum(s.size for s in sections)",
         f"{_SIZE}[sudoku6-mlp]"),
        (SHAPES, "align(HEADER.size + ENTRY.size * len(sections))", "align(HEADER.size)",
         f"{_SIZE}[sudoku6-mlp]"),
        (SHAPES, "shaped((rows, weights.blocks(inner)), np.uint8)", "shaped((rows, 1), np.uint8)",
         f"{_SIZE}[sudoku6-mlp]"),
        (SHAPES, "if weights.zero_point else None", "if not weights.zero_point else None",
         f"{_SIZE}[sudoku6-mlp]"),
        (SHAPES, "-(-shape[0] // STEP)", "shape[0] // STEP", f"{_SIZE}[sudoku9-rope]"),
        ("refimpl/model_image.py", "f\"int{leaf.weight_bits}\"", "\"int8\"",
         "test_image_bytes.py::test_codes_take_the_bytes_of_their_width"),
    ),
    "calibration choice": (
        (SITES, "max(value.max(), -value.min())", "value.max()",
         "test_quantize_lower.py::test_the_largest_activation_of_each_site_is_the_recorded_one"),
        (SITES, "max(self.absmax.get(site, 0.0), peak)", "peak",
         "test_quantize_lower.py::test_calibration_covers_the_whole_recursion"),
        ("refimpl/quantize/calibration.py", "self.absmax[site] / qmax", "self.absmax[site] / (qmax + 1)",
         "test_quantize_lower.py::test_a_site_s_scale_is_its_largest_magnitude_over_127"),
        ("workbench/calibrations.py", "weights is not None and bound != weights", "False", "test_api.py::"
         "test_ranges_of_other_weights_are_refused_with_the_command_that_takes_them_anew"),
        ("workbench/lab/second_order.py", "errors.argmin(axis=0)", "errors.argmax(axis=0)",
         "test_clip_choice.py"),
        ("workbench/lab/second_order.py", "CLIPS[int(sums.argmin())]", "CLIPS[0]", "test_clip_choice.py"),
        (STOPPING, "np.sort(means)[: max(1, len(means) // 2)]", "np.sort(means)",
         "test_stopping.py::test_t_without_labels_is_1_6_times_the_median_of_the_calmer_half"),
        (STOPPING, "math.sqrt(needed * wrong)", "wrong", "test_stopping.py::"
         "test_t_with_labels_lies_between_what_right_runs_need_and_where_wrong_ones_begin"),
    ),
    "seeds": (
        (SEEDED, "[seed, zlib.crc32(key.encode()), block]", "[seed, 0, block]",
         "test_presets.py::test_no_two_layers_share_seeded_weights"),
        (SEEDED, "[seed, zlib.crc32(key.encode()), block]", "[0, zlib.crc32(key.encode()), block]",
         "test_presets.py::test_a_seed_fixes_every_tensor_and_another_changes_it"),
        (SEEDED, "[seed, zlib.crc32(key.encode()), block]", "[seed, zlib.crc32(key.encode())]",
         "test_presets.py::test_blocks_of_a_puzzle_table_differ"),
        (SEEDED, "yield values[: rows - start]", "yield values[-(rows - start) :]",
         "test_presets.py::test_a_seeded_puzzle_row_does_not_depend_on_the_size_of_its_table"),
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
