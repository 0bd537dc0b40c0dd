"""What a fit of the paired 9x9 networks has to reach, on a large part and on one with 256 KiB of SRAM.

A network is measured once: both parts read one store, whose keys name no part.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mcusim.__main__ import main
from mcusim.fitting.candidates import BASELINE

PARTS = ("stm32h743", "nrf52840")
CPU_SECONDS = 20 * 60  # 10 minutes on two cores
COSTS = ("flash_bytes", "sram_bytes", "seconds", "joules")


def fitted(network: str, part: str, folder: Path) -> tuple[dict[str, Any], float]:
    """The report of the command, and the processor time that it took with its workers."""
    out = folder / f"{part}.json"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "mcusim", "fit", "--model", network, "--part", part, "--folder",
               str(folder), "--format", "json", "--out", str(out)]  # fmt: skip
    done = subprocess.run(command, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert done.returncode == 0, "nothing keeps what was asked"
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(out.read_text()), spent


def costs(row: dict[str, Any]) -> list[float]:
    """Flash, SRAM, and the upper ends of time and energy."""
    return [row["placed"][name][1] if isinstance(row["placed"][name], list) else row["placed"][name]
            for name in COSTS]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("network", ["sudoku9-pair-mlp", "sudoku9-pair-att"])
def test_a_recommendation_is_as_right_as_float_and_needs_less_than_int8(network: str, tmp_path: Path) -> None:
    spent = 0.0
    for part in PARTS:
        report, seconds = fitted(network, part, tmp_path)
        spent += seconds
        rows = {row["name"]: row for row in report["rows"]}
        assert sum(row["held_out"] is not None for row in report["rows"]) >= 20
        best, yardstick = rows[report["recommended"]], rows[BASELINE]
        assert best["held_out"]["puzzles"] == 256
        assert best["held_out"]["change"] >= -0.01
        pairs = list(zip(costs(best), costs(yardstick), strict=True))
        assert all(own <= most for own, most in pairs)
        assert any(own < most for own, most in pairs)
        assert report["narrow"]["kept"] >= 0.97
        assert report["narrow"]["naive_kept"] is not None
        made = report["deployments"][0]
        assert (made["failed"], made["compiler"] != "") == ("", True)
        assert main(["run", made["file"], "--no-fidelity"]) == 0
        print(f"{network} {part}: {report['recommended']}, {100 * best['held_out']['change']:+.2f} points, "
              f"{[round(own / most, 2) for own, most in pairs]} of w8c, narrow {report['narrow']}, "
              f"{seconds:.0f} s of processor")  # fmt: skip
    assert spent <= CPU_SECONDS
