"""What multiplies integers on this machine; the results are the same whichever it is."""

from __future__ import annotations

from refimpl.fast.int8_product import engine


def products() -> str:
    """The instructions of int8 products that passed their self-test in this process, or the fallback."""
    found = engine()
    return "float32 BLAS under a bound" if found is None else found.name
