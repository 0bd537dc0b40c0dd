"""Instructions of CMSIS-NN's linears by shape, counted on emulated boards.

``python firmware/nn_counts.py CMSIS-NN PLUGIN K-N-TOKENS...``: a checkout of CMSIS-NN and the built
``plugin/count.c``.  ``cmsis_nn/counts.tsv`` gets a line for each core, kernel and shape of these that it does
not have yet; its first lines name the sources and the compiler, and others are refused.  The bench is
``cmsis_nn/bench.c``.
"""

from __future__ import annotations

import argparse
import hashlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "cmsis_nn"))

from build import sources

HERE = Path(__file__).parent
COUNTS = HERE / "cmsis_nn" / "counts.tsv"
# Core: machine, linker script, compiler flags.  Programs for the others run on Cortex-M7 and M55.
BOARDS = {
    "m0plus": ("mps2-an500", "an500.ld", ("-mcpu=cortex-m0plus", "-mthumb", "-mfloat-abi=soft")),
    "m3": ("mps2-an500", "an500.ld", ("-mcpu=cortex-m3", "-mthumb", "-mfloat-abi=soft")),
    "m4": ("mps2-an500", "an500.ld", ("-mcpu=cortex-m4", "-mthumb", "-mfloat-abi=soft")),
    "m7": ("mps2-an500", "an500.ld", ("-mcpu=cortex-m7", "-mthumb", "-mfloat-abi=soft")),
    "m33": ("mps3-an547", "an547.ld", ("-mcpu=cortex-m33", "-mthumb", "-mfloat-abi=soft")),
    "m55": ("mps3-an547", "an547.ld", ("-mcpu=cortex-m55+nomve.fp", "-mthumb", "-mfloat-abi=hard")),
}
FLAGS = ("-O3", "-ffunction-sections")
BENCHED = {8: "arm_convolve_1x1_s8_fast", 4: "arm_convolve_1x1_s4_fast", 1: "arm_fully_connected_s8"}
ASIDE = ("main", "semihost")  # functions of the bench itself, and what begins with sh_
Key = tuple[str, int, str]  # core, kernel, K-N-TOKENS


def known(path: Path = COUNTS) -> dict[Key, int]:
    """Instructions of each count that is kept."""
    rows = (line.split("\t") for line in path.read_text().splitlines() if line[:1] != "#")
    return {(core, int(kernel), "-".join(shape)): int(count) for core, kernel, *shape, count in rows}


def made_of(path: Path = COUNTS) -> str:
    """What was counted, in words."""
    return path.read_text().partition("\n")[0].removeprefix("# ")


def tools(checkout: Path) -> str:
    """The line of a file of counts that tells these sources and this compiler from others."""
    found = hashlib.sha256()
    for path in (*sources(checkout, BENCHED.values()), *sorted(checkout.glob("Include/*.h"))):
        found.update(path.read_bytes())
    said = subprocess.run(["arm-none-eabi-gcc", "--version"], capture_output=True, text=True, check=True)
    return f"# sources {found.hexdigest()[:16]}, {said.stdout.partition(chr(10))[0]}"


def library(checkout: Path, core: str, folder: Path) -> Path:
    """The kernels that are counted, and what they share, as an archive for a core."""
    found = sources(checkout, BENCHED.values())
    command = ["arm-none-eabi-gcc", *BOARDS[core][2], *FLAGS, "-w", "-fwrapv", f"-I{checkout / 'Include'}"]
    subprocess.run([*command, "-c", *map(str, found)], cwd=folder, check=True)
    archive = folder / "library.a"
    subprocess.run(["arm-none-eabi-ar", "rcs", archive, *sorted(folder.glob("*.o"))], check=True)
    return archive


def counted(checkout: Path, plugin: Path, archive: Path, key: Key) -> int:
    """Instructions of one call of a kernel."""
    core, kernel, shape = key
    machine, script, flags = BOARDS[core]
    k, n, tokens = shape.split("-")
    arm = HERE / "arm"
    defined = [f"-DNN_BENCH_{name}={value}" for name, value in
               (("KERNEL", kernel), ("K", k), ("N", n), ("TOKENS", tokens))]  # fmt: skip
    program, said = archive.with_name("bench.elf"), archive.with_name("bench.counts")
    subprocess.run(["arm-none-eabi-gcc", *flags, "-std=gnu99", *FLAGS, "-nostartfiles", "--specs=nosys.specs",
                    "-Wl,--gc-sections,--no-warn-rwx-segments", f"-I{arm}", f"-I{checkout / 'Include'}",
                    *defined, "-T", str(arm / script), "-o", str(program), str(HERE / "cmsis_nn" / "bench.c"),
                    str(arm / "startup.c"), str(archive)], check=True)  # fmt: skip
    subprocess.run(["qemu-system-arm", "-machine", machine, "-nographic", "-monitor", "none",
                    "-semihosting-config", "enable=on,target=native", "-plugin", str(plugin), "-d", "plugin",
                    "-D", str(said), "-kernel", str(program)], check=True, timeout=600,
                   stdout=subprocess.DEVNULL)  # fmt: skip
    lines = (line.split("\t") for line in said.read_text().splitlines())
    return sum(int(line[3]) for line in lines
               if line[0] == "call" and line[2] not in ASIDE and not line[2].startswith("sh_"))  # fmt: skip


def added(checkout: Path, plugin: Path, shapes: list[str]) -> Iterator[tuple[Key, int]]:
    """Counts that are not kept yet."""
    have = known()
    for core in BOARDS:
        with tempfile.TemporaryDirectory() as name:
            archive = library(checkout, core, Path(name))
            for key in ((core, kernel, shape) for kernel in BENCHED for shape in shapes):
                if key not in have:
                    yield key, counted(checkout, plugin, archive, key)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("plugin", type=Path)
    parser.add_argument("shapes", nargs="+", metavar="K-N-TOKENS")
    args = parser.parse_args(argv)
    if (own := tools(args.checkout)) not in COUNTS.read_text().splitlines():
        raise SystemExit(f"{COUNTS} is not of these: {own[2:]}; count all shapes anew.")
    for (core, kernel, shape), count in added(args.checkout.resolve(), args.plugin.resolve(), args.shapes):
        with COUNTS.open("a") as out:
            out.write("\t".join((core, str(kernel), *shape.split("-"), str(count))) + "\n")
        print(core, kernel, shape, count, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
