"""INT4 nibbles: two's complement, low nibble first, rows contiguous."""

from __future__ import annotations

import numpy as np
import oracle
import pytest
from compare import assert_exact

from refimpl.errors import InputError
from refimpl.packing import pack_int4, unpack_int4


def test_the_low_nibble_comes_first() -> None:
    assert_exact(pack_int4(np.array([1, 2, -1, -8], np.int8)), [0x21, 0x8F])


def test_an_odd_row_length_makes_rows_straddle_bytes() -> None:
    codes = np.array([[1, 2, 3], [4, 5, 6]], np.int8)
    assert_exact(pack_int4(codes), [0x21, 0x43, 0x65])


def test_an_odd_total_pads_the_last_high_nibble_with_zero() -> None:
    assert_exact(pack_int4(np.array([-1, -1, -1], np.int8)), [0xFF, 0x0F])


def test_every_pair_of_codes_survives_and_equals_the_oracle() -> None:
    codes = np.array([(low, high) for low in range(-8, 8) for high in range(-8, 8)], np.int8)
    packed = pack_int4(codes)
    assert_exact(unpack_int4(packed, codes.shape), codes)
    assert oracle.int4_codes(packed.tolist(), codes.size) == codes.reshape(-1).tolist()


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 97), (4, 8), (0, 3)])
def test_unpacking_inverts_packing_for_every_parity(shape: tuple[int, int]) -> None:
    codes = np.random.default_rng(3).integers(-8, 8, shape).astype(np.int8)
    assert_exact(unpack_int4(pack_int4(codes), shape), codes)


@pytest.mark.parametrize("code", [-9, 8])
def test_a_code_outside_four_bits_is_refused(code: int) -> None:
    with pytest.raises(InputError, match=r"must lie in \[-8, 7\]"):
        pack_int4(np.array([code], np.int8))


@pytest.mark.parametrize("size", [2, 4])
def test_the_wrong_number_of_bytes_is_refused(size: int) -> None:
    with pytest.raises(InputError, match="needs 3"):
        unpack_int4(np.zeros(size, np.uint8), (1, 5))
