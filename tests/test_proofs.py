"""The C text of the fixed-point rules is the specification for every input, by an SMT solver."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import pytest

pytest.importorskip("z3")
pytest.importorskip("pycparser")

sys.path.insert(0, str(Path(__file__).parent.parent / "firmware"))

import exhaustive
import proofs
from proofs import HEADER, PROOFS, prove

pytestmark = pytest.mark.slow
TEXT = HEADER.read_text()

# One constant, sign or guard broken: (proofs that must fail, what stands in the header, what is put there).
BROKEN = (
    (("high_multiply", "saturating_high_multiply", "requantize_double", "requantize_down"),
     "((int64_t)1 << 30)) >> 31", "((int64_t)1 << 29)) >> 31"),
    (("saturating_high_multiply",), "? INT32_MAX : rr_mul_high(a, b)", "? INT32_MIN : rr_mul_high(a, b)"),
    (("saturating_high_multiply",), "b == INT32_MIN ? INT32_MAX", "b == INT32_MAX ? INT32_MAX"),
    (("rounding_shift", "requantize_double"), "(mask >> 1) + (x < 0)", "(mask >> 1) + (x > 0)"),
    (("rounding_shift", "requantize_double"), "((uint32_t)1 << exponent)", "(1 << exponent)"),
    (("requantize_double",), "(uint32_t)acc << left", "acc << left"),
    (("requantize_down",), "(x + (x >> 31))", "x"),
    (("requantize_down",), ">> (exponent - 1)) + 1) >> 1", ">> (exponent - 1))) >> 1"),
    (("requantize_single",), ">> 1, INT32_MIN, INT32_MAX", ">> 1, INT32_MIN + 1, INT32_MAX"),
    (("requantize_single",), ">> (30 - shift)", ">> (29 - shift)"),
    (("requantize_single",), "rr_saturate((twice + 1) >> 1", "rr_saturate(twice >> 1"),
    (("wrap32", "requantize_double"), "x - 0x80000000u) + INT32_MIN", "x - 0x7FFFFFFFu) + INT32_MIN"),
)  # fmt: skip


@pytest.mark.parametrize("name", PROOFS)
def test_the_c_text_is_the_clause_without_undefined_behaviour(name: str) -> None:
    assert prove(name, TEXT) == "proved"


@pytest.mark.parametrize(("names", "right", "wrong"), BROKEN, ids=lambda part: str(part)[:30])
def test_a_broken_constant_makes_its_proofs_fail(names: tuple[str, ...], right: str, wrong: str) -> None:
    assert TEXT.count(right) == 1
    for name in names:
        assert prove(name, TEXT.replace(right, wrong)).startswith("case ")


def test_a_broken_instruction_makes_its_proof_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proofs, "_sxtb16", lambda word: word)
    assert prove("smlad_step", TEXT).startswith("case 0")
    right = proofs._smmlar
    monkeypatch.setattr(proofs, "_smmlar", lambda product, half: right(product, half + 1))
    assert prove("smmlar_step", TEXT).startswith("case 0")


@pytest.mark.parametrize("name", exhaustive.RULES)
def test_the_parts_of_a_range_are_the_range(name: str) -> None:
    parts = [exhaustive.part_of(name, (k, 3)) for k in (1, 2, 3)]
    assert (parts[0][0], parts[2][1]) == exhaustive.RULES[name][:2]
    assert all(a[1] == b[0] for a, b in pairwise(parts))


@pytest.mark.parametrize("name", exhaustive.RULES)
def test_the_one_argument_rules_are_the_specification_on_a_grid(name: str, tmp_path: Path) -> None:
    """A grid of every 1,009th input; ``python firmware/exhaustive.py`` takes them all."""
    compared, difference = exhaustive.first_difference(exhaustive.build(tmp_path), name, 1009)
    assert difference == ""
    assert compared > 1_500_000


@pytest.mark.parametrize("name", exhaustive.UNPACKINGS)
def test_codes_of_every_stored_width_are_unpacked_as_specified(name: str, tmp_path: Path) -> None:
    """Every 101st triple of bytes here; ``python firmware/exhaustive.py`` takes all 2^24."""
    compared, difference = exhaustive.unpacking_difference(exhaustive.build(tmp_path), name, 101)
    assert difference == ""
    assert compared > 160_000


def test_a_port_that_unpacks_wrongly_is_found(tmp_path: Path) -> None:
    class Wrong:
        @staticmethod
        def rr_unpack_codes(*_: object) -> int:
            return 0  # and leaves zeros

    assert "0x000001" in exhaustive.unpacking_difference(Wrong, "unpack_codes_3")[1]  # type: ignore[arg-type]
