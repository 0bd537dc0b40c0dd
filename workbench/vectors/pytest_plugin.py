"""For a firmware team's own suite: ``pytest -p workbench.vectors.pytest_plugin``.

::

    def test_my_kernels_pass_the_golden_vectors(golden_vectors):
        assert golden_vectors.differences("build/libmine.so", "linear_s8", "softmax_s8_s16") == []
"""

from __future__ import annotations

from pathlib import Path

import pytest

from refimpl.errors import InputError
from workbench.vectors.check import check
from workbench.vectors.files import DEFAULT_GOLDEN
from workbench.vectors.library import Library


class GoldenVectors:
    """The op vectors of one golden folder."""

    def __init__(self, golden: Path) -> None:
        self.golden = golden

    def differences(self, library: str | Path, *operators: str) -> list[str]:
        """First difference of every failing case, as sentences; all operators of the library by default.

        Raises InputError when a named operator is missing from the library.
        """
        loaded = Library(Path(library))
        report = check(self.golden, loaded, loaded.has, operators)
        if operators and report.missing:
            raise InputError(
                f"{library} does not export {', '.join('rr_' + name for name in report.missing)}."
            )
        return [str(d) for d in report.differences]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--golden``."""
    parser.addoption("--golden", type=Path, default=DEFAULT_GOLDEN, help="folder of golden vectors")


@pytest.fixture(scope="session")
def golden_vectors(request: pytest.FixtureRequest) -> GoldenVectors:
    """The op vectors of ``--golden``."""
    return GoldenVectors(request.config.getoption("--golden"))
