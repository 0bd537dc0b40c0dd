"""Call a compiled kernel library through the ABI of ``rr_abi.h``.

The library runs in this process: a kernel that crashes takes the process with it.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import Any

import numpy as np

from refimpl.errors import InputError
from workbench.vectors.check import Misbehaved, NotServed
from workbench.vectors.signatures import SIGNATURES, Signature, shape_of
from workbench.vectors.tensors import Array, tensor_bytes

FILL, GUARD = 0x5A, 64
REFUSED, NOT_SERVED = 1, 2


def output_room(signature: Signature, params: dict[str, int]) -> tuple[np.dtype[Any], int]:
    """dtype and number of the output's elements.

    A refused out_bits has no dtype; the widest output leaves room for a kernel that does not refuse.
    """
    known = signature.out_dtype != "out_bits" or params["out_bits"] in (4, 8, 16, 32)
    dtype = np.dtype(signature.output_dtype(params) if known else "int32")
    return dtype, int(np.prod(np.maximum(shape_of(signature.out_shape, params), 0)))


class Library:
    """A shared library with some of the ``rr_*`` functions."""

    def __init__(self, path: Path) -> None:
        try:
            self._library = ctypes.CDLL(str(path.resolve()))
        except OSError as error:
            raise InputError(f"the library {path} cannot be loaded ({error}).") from error
        self.path = path
        if not any(self.has(name) for name in SIGNATURES):
            raise InputError(
                f"the library {path} exports none of the functions of rr_abi.h (rr_linear_s8, ...)."
            )

    def has(self, algorithm: str) -> bool:
        """Whether the library exports this operator."""
        return hasattr(self._library, f"rr_{algorithm}")

    def answer(self, request: bytes, room: int) -> bytes | None:
        """The reply to one request of ``rr_port.h``; None where the library has no responder."""
        function = getattr(self._library, "rr_port_answer", None)
        if function is None:
            return None
        sent, got = ctypes.create_string_buffer(request, len(request)), ctypes.create_string_buffer(room)
        function.restype = ctypes.c_uint32
        length = function(sent, ctypes.c_uint32(len(request)), got, ctypes.c_uint32(room))
        return got.raw[:length]

    def __call__(self, algorithm: str, inputs: dict[str, Any], params: dict[str, int]) -> Array | None:
        """Run one request; None for a refusal (status 1), NotServed for status 2.

        Raises Misbehaved for any other status, or when the function wrote behind its output.
        """
        signature = SIGNATURES[algorithm]
        function = getattr(self._library, f"rr_{algorithm}")
        function.restype = ctypes.c_int32
        buffers = [
            None
            if inputs[i.name] is None
            else ctypes.create_string_buffer(tensor_bytes(inputs[i.name], i.dtype))
            for i in signature.inputs
        ]
        dtype, count = output_room(signature, params)
        out = (ctypes.c_uint8 * (count * dtype.itemsize + GUARD))(*[FILL] * (count * dtype.itemsize + GUARD))
        arguments = [ctypes.cast(b, ctypes.c_void_p) if b is not None else ctypes.c_void_p() for b in buffers]
        values = [ctypes.c_int32(params[name]) for name in signature.params]
        status = function(*arguments, *values, ctypes.cast(out, ctypes.c_void_p))
        if status == REFUSED:
            return None
        if status == NOT_SERVED:
            raise NotServed
        raw = bytes(out)
        if status != 0:
            raise Misbehaved(f"rr_{algorithm} in {self.path} returned {status}; it must return 0, 1 or 2.")
        if raw[count * dtype.itemsize :] != bytes([FILL]) * GUARD:
            raise Misbehaved(f"rr_{algorithm} in {self.path} wrote behind its {count} output values.")
        return np.frombuffer(raw, dtype, count).reshape(shape_of(signature.out_shape, params))
