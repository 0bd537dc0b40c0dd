"""One number a precondition: Python, C, the ABI header and the requests that must be refused say the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from refimpl import preconditions
from refimpl.block_params import EXPONENT_SPAN
from refimpl.fixedpoint import SHIFT_MAX, SHIFT_MIN
from workbench.certify.corpus import spoilt
from workbench.vectors.contract import refusal
from workbench.vectors.files import DEFAULT_GOLDEN
from workbench.vectors.signatures import SIGNATURES

SOURCES = DEFAULT_GOLDEN.parent / "firmware" / "src"
NORM, KEYS, WIDE = preconditions.MAX_NORM_SIZE, preconditions.MAX_SOFTMAX_KEYS, preconditions.WIDE_SHIFT_MAX
SAID_IN_C = {
    "rr_norm.h": (f"RR_MAX_NORM_SIZE = {NORM} ",),
    "rr_norm.c": ("size > RR_MAX_NORM_SIZE || gain < 1 || eps < 1",),
    "rr_model.c": ("p.size > RR_MAX_NORM_SIZE",),
    "rr_softmax.c": (f"RR_MAX_KEYS = {KEYS} ", "cols > RR_MAX_KEYS", "shift < 0 || shift > 31"),
    "rr_fixed.h": (f"shift >= {SHIFT_MIN} && shift <= {SHIFT_MAX}", "multiplier >= 0x40000000"),
    "rr_block_linear.c": (f"shift > {WIDE})", f"RR_SPAN = {EXPONENT_SPAN},"),
}
SAID_IN_THE_HEADER = {
    "requantize": (f"shift {SHIFT_MIN}..{SHIFT_MAX}", "multiplier 0 or 2^30..2^31-1"),
    "rms_norm": (f"size 1..{NORM}", "gain and eps >= 1", "below 2^63"),
    "softmax_s8_s16": (f"cols 1..{KEYS}", "shift 0..31", "diff_min <= 0", "multiplier 2^30..2^31-1"),
    "block_linear_s8": (f"shift {SHIFT_MIN}..{WIDE}", f"at most {EXPONENT_SPAN}"),
}
# The least that is refused and the most that is taken, of each bound that has a number.
BOUNDS = [
    (preconditions.of_norm, (NORM, 1, 1), (NORM + 1, 1, 1)), (preconditions.of_norm, (1, 1, 1), (1, 0, 1)),
    (preconditions.of_softmax, (KEYS, 2**30, 31, 0), (KEYS + 1, 2**30, 31, 0)),
    (preconditions.of_softmax, (1, 2**30, 0, 0), (1, 2**30 - 1, 0, 0)),
    (preconditions.of_softmax, (1, 2**30, 31, 0), (1, 2**30, 32, 0)),
    (preconditions.of_softmax, (1, 2**30, 0, 0), (1, 2**30, -1, 0)),
    (preconditions.of_rescale, (2**30, SHIFT_MIN), (2**30, SHIFT_MIN - 1)),
    (preconditions.of_rescale, (0, SHIFT_MAX), (0, SHIFT_MAX + 1)),
    (preconditions.of_wide_rescale, (2**31 - 1, WIDE), (2**31 - 1, WIDE + 1)),
]  # fmt: skip


@pytest.mark.parametrize("file", SAID_IN_C)
def test_the_c_has_the_numbers_of_the_preconditions(file: str) -> None:
    text = (SOURCES / file).read_text()
    assert [said for said in SAID_IN_C[file] if said not in text] == []


def test_no_other_source_writes_such_a_number_again() -> None:
    rule = re.compile(rf"\b({NORM}|{KEYS})\b")
    for path in sorted([*SOURCES.glob("*.[ch]"), *Path(preconditions.__file__).parent.rglob("*.py")]):
        code = re.sub(r'/\*.*?\*/|""".*?"""', "", path.read_text(), flags=re.S)
        found = {int(number) for number in rule.findall(code)}
        expected = {"rr_norm.h": {NORM}, "rr_softmax.c": {KEYS}, "preconditions.py": {NORM, KEYS}}
        assert found == expected.get(path.name, set()), path


@pytest.mark.parametrize("name", SAID_IN_THE_HEADER)
def test_the_abi_header_tells_them_to_whoever_ports(name: str) -> None:
    header = (DEFAULT_GOLDEN / "c" / "rr_abi.h").read_text()
    before = header.split(f"int32_t rr_{name}(")[0]
    comment = " ".join(before[before.rindex("/*") :].split()).replace(" * ", " ")
    assert [said for said in SAID_IN_THE_HEADER[name] if said not in comment] == []


@pytest.mark.parametrize(("rule", "inside", "outside"), BOUNDS)
def test_the_last_value_inside_is_taken_and_the_first_outside_refused(rule, inside, outside) -> None:
    assert rule(*inside) is None
    assert rule(*outside)


def test_every_scalar_shift_is_asked_for_one_beyond_its_end() -> None:
    """So that a port which takes one more is found."""
    for name, signature in SIGNATURES.items():
        if "shift" in signature.params:
            most = 31 if name == "softmax_s8_s16" else SHIFT_MAX
            asked = [params for inputs, params in spoilt(name) if refusal(name, inputs, params)]
            assert most + 1 in {params["shift"] for params in asked}, name
