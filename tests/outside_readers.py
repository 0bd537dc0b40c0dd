"""What reads each kind of file from outside, as a function of its bytes and a folder to work in.

Names are the part before the dash of the files in ``tests/data/readers``: mutants of our own files that once
ended in a traceback.
"""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from mcusim.commands import compare
from mcusim.cores import load_core
from mcusim.deployments import load_deployment
from mcusim.parts import load_part
from refimpl import ops
from workbench.calibrations import read_calibration
from workbench.checkpoints.networks import read_config
from workbench.checkpoints.reader import read
from workbench.embeddings.table import open_table
from workbench.lab.comparison import compare as compare_results
from workbench.lab.plan import read_plan
from workbench.lab.report import sheet
from workbench.lab.results import read_results
from workbench.render.sheet import FORMATS, render
from workbench.tasks.arc_json import read_arc_json
from workbench.tasks.readers import read_maze_csv, read_sudoku_csv
from workbench.vectors.check import check, python_implementation
from workbench.vectors.export_c import op_c_files
from workbench.vectors.trace_files import read_traces, trace_header


def put(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _vectors(content: bytes, folder: Path) -> None:
    put(folder, "ops/x.json", content)
    check(folder, python_implementation(ops))
    list(op_c_files(folder))


def _traces(content: bytes, folder: Path) -> None:
    put(folder, "recursion/x.json", content)
    trace_header(read_traces(folder))


def _results(content: bytes, folder: Path) -> None:
    found = read_results([put(folder, "x.jsonl", content)])
    compare_results(found)
    for form in FORMATS[1:]:
        render(sheet(found), form)


def _network(content: bytes, folder: Path) -> None:
    """The first byte says which file of a network's folder: C config, K calibration, W weights."""
    names = {b"C": "config.json", b"K": "calibration.json"}
    path = put(folder, names.get(content[:1], "weights.npz"), content[1:])
    if path.name == "config.json":
        read_config(path)
    elif path.name == "calibration.json":
        read_calibration(path)
    else:
        read(path)


def _table(content: bytes, folder: Path) -> None:
    """Four bytes with the length of the description, the description, the rows."""
    end = 4 + int.from_bytes(content[:4], "little")
    put(folder, "t.json", content[4:end])
    open_table(put(folder, "t", content[end:])).values(0)


def _compare(content: bytes, folder: Path) -> None:
    """Against a report that has nothing in common with it but the schema, in every form."""
    path = put(folder, "x.json", content)
    schema = json.dumps({"schema": compare.read_report(path)["schema"]})
    other = put(folder, "y.json", schema.encode())
    for form in FORMATS:
        out = folder / "out"
        compare.run(Namespace(first=path, second=other, format=form, out=out))


def _recipe(content: bytes, folder: Path) -> None:
    from training.config import read_recipe

    read_recipe(put(folder, "x.toml", content))


READERS: dict[str, Callable[[bytes, Path], object]] = {
    "arc": lambda content, folder: read_arc_json(put(folder, "x.json", content)),
    "compare": _compare,
    "core": lambda content, folder: load_core(put(folder, "mine.toml", content).stem, folder),
    "deploy": lambda content, folder: load_deployment(put(folder, "mine.toml", content).stem, folder),
    "maze": lambda content, folder: read_maze_csv(put(folder, "x.csv", content), 10),
    "network": _network,
    "part": lambda content, folder: load_part(put(folder, "mine.toml", content).stem, folder),
    "plan": lambda content, folder: read_plan(put(folder, "x.toml", content)),
    "recipe": _recipe,
    "results": _results,
    "sudoku": lambda content, folder: read_sudoku_csv(put(folder, "x.csv", content), 9),
    "tables": _table,
    "traces": _traces,
    "vectors": _vectors,
}
