"""The choice as files: a network folder with its ranges and codes, the deployment, and the folder of C."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

from mcusim.api import export
from mcusim.deployments import BUDGETS
from mcusim.fitting.front import Row
from mcusim.fitting.place import Placed
from mcusim.units import parse_bytes
from refimpl.errors import RefimplError
from refimpl.models.halting import FIXED
from workbench import codes
from workbench.calibrations import write_calibration
from workbench.checkpoints.networks import CONFIG, WEIGHTS, write_card
from workbench.checkpoints.npz import write_npz
from workbench.codes import weights_of
from workbench.files.outputs import make_folder, write_file
from workbench.sizes import backbone_bytes

TOLD = 300  # characters of a failed build


@dataclass(frozen=True)
class Deployed:
    """Where the deployment file lies, the C beside it, and what its self-test said ("" : it passed)."""

    file: Path
    c: Path
    failed: str
    compiler: str


def deploy(row: Row, part: str, out: Path, source: str) -> Path:
    """Write the folder ``out`` with network and deployment; returns the deployment's file."""
    network, config = row.candidate.network, row.candidate.network.config
    assert row.placed is not None
    make_folder(out)
    if network.folder is not None and (network.folder / WEIGHTS).exists():
        for name in (WEIGHTS, CONFIG):
            write_file(out / name, (network.folder / name).read_bytes())
    else:
        write_npz(out / WEIGHTS, network.tensors)
        fields = dict(config.to_dict())
        write_card(out, {"model": fields.pop("family"), **fields, "source": source})
    write_calibration(network.calibration, out / "calibration.json", network.digest)
    weights = weights_of(row.candidate.recipe.format)
    if weights in network.codes:
        codes.write(out / codes.FILE, network.digest, {weights: network.codes[weights]})
    file = out / "deployment.toml"
    write_file(file, _text(row, row.placed, part, source))
    return file


def _text(row: Row, placed: Placed, part: str, source: str) -> str:
    config = row.candidate.network.config
    weights_only = backbone_bytes(config, row.candidate.recipe.format.weights.bits)
    lines = [
        "# Written by mcusim fit; `model` is this folder.", 'kind = "deployment"',
        f"title = {json.dumps(row.name)}", 'model = "."', f'format = "{row.candidate.recipe.format}"',
        'puzzle_rows = "streamed"', f"H_cycles = {config.H_cycles}",
        f"steps = {row.depth}", *([] if row.rule == FIXED else [f'stop = "{row.rule}"']),
        *[f"retries = {row.taken.retries}"] * bool(row.taken.retries), f'part = "{part}"',
        f'plan = "{placed.plan}"',
        f"source = {json.dumps(source)}", "", "[expect]",
    ]  # fmt: skip
    for name in BUDGETS:
        size = parse_bytes(name)
        said = ", ".join(f"{what} = {str(fits).lower()}" for what, fits in (
            ("weights_only", weights_only <= size), ("everything", placed.everything <= size)))  # fmt: skip
        lines.append(f"{name} = {{ {said} }}")
    return "\n".join(lines) + "\n"


def export_and_test(file: Path, out: Path, catalogue: Path | None, check_tiles: bool = False) -> Deployed:
    """Export a deployment as C into ``out`` and run its self-test here, where there is a compiler."""
    made = exported(file, out, catalogue, check_tiles)
    return made if made.failed else self_test(made)


def exported(file: Path, out: Path, catalogue: Path | None, check_tiles: bool) -> Deployed:
    """Export a deployment as C into ``out``; nothing is compiled."""
    try:
        export(out, deployment=str(file), catalogue=catalogue, check_tiles=check_tiles)
    except RefimplError as error:
        return Deployed(file, out, str(error), "")
    return Deployed(file, out, "", "")


def compiler_here() -> str | None:
    """The C compiler of this machine, if it has one, and make."""
    found = shutil.which("gcc") or shutil.which("cc")
    return None if shutil.which("make") is None else found


def self_test(made: Deployed) -> Deployed:
    """Run the self-test of a folder of C here, where there is a compiler."""
    compiler = compiler_here()
    if compiler is None:
        return replace(made, failed="not run: there is no C compiler here")
    command = ["make", "-C", str(made.c), "selftest"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    said = "" if done.returncode == 0 else (done.stdout + done.stderr).strip()[-TOLD:]
    return replace(made, failed=said, compiler=Path(compiler).name)
