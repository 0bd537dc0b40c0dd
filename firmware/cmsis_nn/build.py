"""The adapter and the CMSIS-NN kernels that it calls, as a library: ``build.py CMSIS-NN OUT``.

CMSIS-NN is its own project (Apache 2.0) and not part of this one.  Float sources are left out, and a kernel
that is missing is an error here, not at the first call.  ``--single`` builds its other rounding rule.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

HERE = Path(__file__).parent
KERNELS = ("arm_fully_connected_per_channel_s8", "arm_fully_connected_s8", "arm_convolve_1x1_s4_fast",
           "arm_elementwise_mul_s8", "arm_softmax_s8_s16", "arm_nn_softmax_common_s8")  # fmt: skip
LEFT_OUT = ("_f16", "_f32", "_flt", "_lstm_")
# The left shift before its high multiply wraps by signed arithmetic.
FLAGS = ("-O2", "-w", "-fwrapv", "-shared", "-fPIC", "-Wl,-z,defs")


def sources(folder: Path, kernels: Collection[str] = KERNELS) -> list[Path]:
    """The kernels, and the functions that kernels share."""
    found = [p for p in sorted(folder.glob("Source/*/*.c")) if not any(part in p.stem for part in LEFT_OUT)]
    chosen = [p for p in found if p.stem in kernels or p.parent.name == "NNSupportFunctions"]
    if missing := set(kernels) - {path.stem for path in chosen}:
        raise SystemExit(f"{folder} has no {', '.join(sorted(missing))}; CMSIS-NN from 7.0.0 on has.")
    return chosen


def build(folder: Path, out: Path, single: bool) -> None:
    """Compile and link; the compiler's words where it fails."""
    rule = ["-DCMSIS_NN_USE_SINGLE_ROUNDING"] if single else []
    includes = [f"-I{HERE.parent.parent / 'golden' / 'c'}", f"-I{folder / 'Include'}"]
    files = [str(path) for path in (HERE / "adapter.c", *sources(folder))]
    if subprocess.run(["gcc", *FLAGS, *rule, *includes, "-o", str(out), *files]).returncode:
        raise SystemExit(f"{folder} does not build with this adapter")


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="a checkout of CMSIS-NN")
    parser.add_argument("out", type=Path)
    parser.add_argument("--single", action="store_true")
    args = parser.parse_args(argv)
    build(args.folder, args.out, args.single)
    return 0


if __name__ == "__main__":
    sys.exit(main())
