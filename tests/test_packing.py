"""Packed codes: two's complement, low bits first, rows contiguous."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from compare import assert_exact

from refimpl.errors import InputError
from refimpl.packing import pack_codes, packed_bytes, unpack_codes


def test_the_low_nibble_comes_first() -> None:
    assert_exact(pack_codes(np.array([1, 2, -1, -8], np.int8), 4), [0x21, 0x8F])


def test_an_odd_row_length_makes_rows_straddle_bytes() -> None:
    codes = np.array([[1, 2, 3], [4, 5, 6]], np.int8)
    assert_exact(pack_codes(codes, 4), [0x21, 0x43, 0x65])


def test_an_odd_total_pads_the_last_high_nibble_with_zero() -> None:
    assert_exact(pack_codes(np.array([-1, -1, -1], np.int8), 4), [0xFF, 0x0F])


def test_every_pair_of_codes_survives_and_equals_the_oracle() -> None:
    codes = np.array([(low, high) for low in range(-8, 8) for high in range(-8, 8)], np.int8)
    packed = pack_codes(codes, 4)
    assert_exact(unpack_codes(packed, 4, codes.shape), codes)
    assert oracle.int4_codes(packed.tolist(), codes.size) == codes.reshape(-1).tolist()


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 97), (4, 8), (0, 3)])
def test_unpacking_inverts_packing_for_every_width_and_parity(bits: int, shape: tuple[int, int]) -> None:
    codes = np.random.default_rng(3).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), shape).astype(np.int8)
    packed = pack_codes(codes, bits)
    assert packed.size == packed_bytes(codes.size, bits) == -(-codes.size * bits // 8)
    assert_exact(unpack_codes(packed, bits, shape), codes)


@pytest.mark.parametrize("bits", range(2, 9))
def test_code_i_takes_the_bits_from_i_times_its_width_on(bits: int) -> None:
    codes = np.random.default_rng(bits).integers(-(2 ** (bits - 1)), 2 ** (bits - 1), 41).tolist()
    stream = sum((code % 2**bits) << i * bits for i, code in enumerate(codes))
    packed = pack_codes(np.array(codes, np.int8), bits)
    assert packed.tobytes() == stream.to_bytes(-(-41 * bits // 8), "little")


@pytest.mark.parametrize(("bits", "code"), [(4, -9), (4, 8), (2, 2), (3, -5), (6, 32), (7, -65)])
def test_a_code_outside_its_width_is_refused(bits: int, code: int) -> None:
    with pytest.raises(InputError, match=rf"int{bits} codes run from .*; they must lie in"):
        pack_codes(np.array([code], np.int8), bits)


@pytest.mark.parametrize("size", [2, 4])
def test_the_wrong_number_of_bytes_is_refused(size: int) -> None:
    with pytest.raises(InputError, match="needs 3"):
        unpack_codes(np.zeros(size, np.uint8), 4, (1, 5))
