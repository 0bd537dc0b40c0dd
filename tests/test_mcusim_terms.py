"""What a site's work costs: every count reaches the timing model, and every read of the image is paid."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mcusim.figures import Figure
from mcusim.kernels import Rooms
from mcusim.parts import load_part
from mcusim.planner.choices import Choices, SwiGLUTiles, whole
from mcusim.planner.ledger import (
    NO_ROWS,
    Ledger,
    Memories,
    RowSource,
    Work,
    block_counts,
    operator_counts,
    product_counts,
    site_time,
)
from mcusim.planner.plan import Plan, make_plan
from mcusim.timing import OperatorCounts, instructions
from refimpl.block_params import Online
from refimpl.formats import parse_format
from refimpl.models.halting import StopRule
from workbench.networks import find_network
from workbench.presets import PRESETS

H743 = load_part("stm32h743")
REGIONS = {region.name: region for region in H743.regions}
WORK = Work(
    counts=Counter(macs=100, attention_macs=30, requantizations=7, adds=1, products=2, rope_elements=4,
                   lookups=8, norm_elements=16, softmax_elements=32, weight_elements=64),
    calls=3, attention_values=10, wide_macs=20, arena_bytes=50, rows=Counter(pairs=5),
    codes=Counter({8: 2}), constants=Counter({4: 3}),
)
EMBEDDING = Work(counts=Counter(requantizations=10, adds=5), row_reads=8, row_elements=40)
ROWS = RowSource(positions=4, prefix=0, learned=False, scale_bytes=5)  # fmt: skip


@pytest.mark.parametrize(("bits", "kind"), [(3, "macs_w4a8"), (4, "macs_w4a8"), (5, "macs_w8a8")])
def test_every_count_of_a_site_is_charged(bits: int, kind: str) -> None:
    expected = OperatorCounts(
        macs_a8a8=20, macs_a16a8=10 + 20, requantizations=7, norm_elements=16, softmax_elements=32,
        lookups=8, elements=1 + 2 + 4, calls=3, weights=64, pairs=5, fetches=2 + 3,
        fetched_bytes=2 * 8 + 3 * 4, weight_bytes=2 * 8 + 3 * 4,
        arena_bytes=50, **{kind: 80},
    )  # fmt: skip
    assert operator_counts(WORK, bits, NO_ROWS) == expected


def test_requantizations_of_a_site_without_products_are_operators_of_their_own() -> None:
    alone = Work(counts=Counter(requantizations=7))
    assert operator_counts(alone, 8, NO_ROWS) == OperatorCounts(requantizations=7, rescales=7)
    cost = H743.core.work["rescale"].value
    assert instructions(OperatorCounts(requantizations=7, rescales=7), H743) == pytest.approx(7 * cost)


def test_rows_of_x_are_charged_by_row_and_element_alone() -> None:
    rows = operator_counts(EMBEDDING, 8, ROWS)
    assert rows == OperatorCounts(embedded_rows=2, embedded_elements=10, row_bytes=10 + 2 * 5)


@pytest.mark.parametrize(("queries", "odd", "times"), [(4, 0, 1), (96, 0, 1), (97, 1, 2)])
def test_queries_go_in_pairs_and_a_column_of_v_is_staged_once_for_96(
    queries: int, odd: int, times: int
) -> None:
    """Two heads of 16 channels, 81 keys."""
    scores = {"score_outputs": 2 * queries * 81, "odd_scores": odd * 2 * 81 * 16}
    assert product_counts("scores", (1, 2, queries, 81), 16) == scores
    values = {"value_outputs": 2 * queries * 16, "odd_values": odd * 2 * 81 * 16,
              "value_columns": 2 * 16 * times, "value_codes": 2 * 16 * times * 81}  # fmt: skip
    assert product_counts("weighted_values", (1, 2, queries, 16), 81) == values


def test_outputs_cost_what_their_kernel_says_or_what_the_core_says_of_all() -> None:
    """Of a linear, two; of q k^T, five."""
    core, counts = H743.core, OperatorCounts(requantizations=7, score_outputs=5)
    own = {"output": Figure(3.0, "assumed", "")}

    def cost(**terms: dict[str, Figure]) -> float:
        macs = {kind: replace(core.macs[kind], terms=terms.get(kind, {})) for kind in core.macs}
        work = core.work | {"requantize": Figure(20.0, "assumed", "")}
        return instructions(counts, replace(H743, core=replace(core, macs=macs, work=work)))

    of_all = 20.0
    assert cost() == pytest.approx(7 * of_all)
    assert cost(a8a8=own) == pytest.approx(2 * of_all + 5 * 3.0)
    assert cost(w8a8=own) == pytest.approx(2 * 3.0 + 5 * of_all)


@pytest.mark.parametrize(
    ("online", "passes", "more"),
    [("static", 2, {}), ("token", 25, {"weights": 23 * 5 * 64, "quantized": 97 * 64}),
     ("mx", 49, {"weights": 47 * 5 * 64, "quantized": 97 * 64, "mx_sums": 97 * 5 * 2})],
)  # fmt: skip
def test_pieces_of_a_block_linear_are_begun_for_every_pair_of_channels_in_every_pass(
    online: Online, passes: int, more: dict[str, int]
) -> None:
    """97 rows, 64 inputs in two blocks, 5 channels: 96 rows at once, 4 quantized by token, 2 by MX block."""
    rows = Rooms(64, 128).rows_at_once(online, 64)
    expected = {"block_sums": 97 * 5 * 2, "block_pieces": passes * 3 * 2} | more
    assert block_counts(97 * 5, 64, 5, 2, online, rows, wide=False) == expected


@pytest.mark.parametrize(("online", "inner", "rows"), [("static", 1536, 96), ("token", 768, 4),
                                                       ("token", 1000, 3), ("token", 1536, 2),
                                                       ("mx", 512, 2), ("mx", 1536, 2)])  # fmt: skip
def test_fewer_of_the_longest_rows_are_quantized_at_once(online: Online, inner: int, rows: int) -> None:
    assert Rooms(512, 1536).rows_at_once(online, inner) == rows


def test_weights_for_16_bit_activations_are_laid_out_in_every_pass() -> None:
    assert block_counts(97 * 5, 64, 5, 1, "static", 96, wide=True)["wide_weights"] == 2 * 5 * 64


@pytest.mark.parametrize(("format", "wide"), [("w4c", False), ("w4c-a8p16", True), ("w4c-a16", True)])
def test_gated_products_of_16_bits_are_charged_beside_their_rescaling(format: str, wide: bool) -> None:
    config = find_network("sudoku6-mlp").config
    plan = make_plan(config, parse_format(format), whole(config))
    found = {site: work for site, work in plan.call_L.sites.items() if work.rows["wide_products"]}
    assert {site.rpartition(".")[2] for site in found} == ({"input"} if wide else set())
    assert all(work.rows["wide_products"] == work.counts["requantizations"] for work in found.values())


def test_each_read_of_the_image_and_of_a_row_pays_its_own_overhead() -> None:
    flash, arena = REGIONS["flash"], REGIONS["axi-sram"]
    assert ROWS.reads(EMBEDDING) == (3 * 2, 10 + 2 * 5)
    both = replace(WORK, row_reads=8, row_elements=40)
    time = site_time(both, 8, ROWS, H743, Memories(flash, REGIONS["nvm"], arena))
    assert time.memory["flash"] == pytest.approx(2 * flash.time_s(8) + 3 * flash.time_s(4), rel=1e-12)
    assert time.memory["nvm"] == pytest.approx(6 * REGIONS["nvm"].time_s(3), rel=1e-12)
    assert time.memory["axi-sram"] == pytest.approx(arena.time_s(50), rel=1e-12)


@pytest.mark.parametrize(("steps", "asked"), [(1, 0), (2, 1), (5, 4)])
def test_a_rule_is_asked_after_every_step_from_its_first(steps: int, asked: int) -> None:
    config = replace(PRESETS["trm-mlp-sudoku"], stop=StopRule("head", least=2))
    some, asking = SwiGLUTiles(1, 2, 1), Ledger()
    asking.sites["q_head"].calls = 1
    nothing = [Ledger() for _ in range(4)]
    plan = Plan(config, parse_format("w4c"), Choices(some, some), (), {}, *nothing, asking)
    assert plan.puzzle(steps).sum(lambda work: work.calls) == asked
