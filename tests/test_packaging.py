"""The wheel and the source distribution are small, and commands work from them in an empty folder."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from refimpl.errors import InputError
from workbench.checkpoints import list_networks
from workbench.networks import find_network
from workbench.shipped import APART, shipped

ROOT = Path(__file__).resolve().parents[1]
MOST = 4_000_000


def test_what_stays_out_of_the_wheel_is_said_alike_in_three_places() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    excluded = project["tool"]["setuptools"]["exclude-package-data"]["workbench"]
    assert [f"data/networks/{name}/*" for name in APART] == excluded
    pruned = re.findall(
        r"^prune workbench/data/networks/(\S+)$", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE
    )
    assert tuple(pruned) == APART
    assert set(APART) < set(list_networks())


def test_golden_files_and_sources_are_found_in_the_repository() -> None:
    assert (shipped("golden") / "MANIFEST.sha256").is_file()
    assert (shipped("firmware") / "src" / "rr_fixed.c").is_file()


def test_a_network_that_does_not_come_along_says_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.networks.list_networks", lambda: ["sudoku9-mlp"])
    with pytest.raises(InputError, match="does not come with the package, for its size"):
        find_network("sudoku9-hrm")


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(c) for c in command], cwd=cwd, env=env, capture_output=True, text=True, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both distributions of the committed tree."""
    folder = tmp_path_factory.mktemp("dist")
    pytest.importorskip("setuptools")
    tree = folder / "tree"
    tree.mkdir()
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    for name in listed.stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).write_bytes((ROOT / name).read_bytes())
    pip = (sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", folder)
    run(*pip, tree, cwd=folder)
    hook = "from setuptools import build_meta; build_meta.build_sdist('../sdist')"
    run(sys.executable, "-c", hook, cwd=tree)
    return folder


@pytest.mark.slow
def test_wheel_and_source_distribution_are_under_4_mb(built: Path) -> None:
    [wheel] = built.glob("*.whl")
    [sdist] = (built / "sdist").glob("*.tar.gz")
    assert wheel.stat().st_size < MOST
    assert sdist.stat().st_size < MOST
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if any(f"/{apart}/" in name for apart in APART)]
    assert "workbench/shipped/firmware/src/rr_fixed.c" in names
    assert "workbench/shipped/golden/MANIFEST.sha256" in names
    with tarfile.open(sdist) as archive:
        inside = {name.partition("/")[2] for name in archive.getnames()}
    assert {"golden/MANIFEST.sha256", "firmware/src/rr_fixed.c", "setup.py", "refimpl/__main__.py"} <= inside


@pytest.mark.slow
def test_commands_work_from_the_installed_wheel_in_an_empty_folder(built: Path, tmp_path: Path) -> None:
    [wheel] = built.glob("*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip = (sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target", site, wheel)
    run(*pip, cwd=empty)
    env = {"PYTHONPATH": str(site), "PATH": f"{site / 'bin'}:/usr/bin:/bin", "HOME": str(tmp_path)}
    for script in ("refimpl", "mcusim"):
        assert script in run(site / "bin" / script, "--help", cwd=empty, env=env)
    commands = (
        "refimpl evaluate --list",
        "refimpl evaluate sudoku6-mlp --puzzles 4 --formats float,w8c",
        "refimpl quantize sudoku9-mlp out.img --weights w4c --bounds",
        "refimpl models",
        "refimpl vectors check",
        "mcusim run --steps 1 --budget 4MB",
        "mcusim run --model maze10-att --puzzle 3 --steps 1",
        "mcusim run --model trm-mlp-sudoku --budget 8MB",
        "mcusim parts",
        "mcusim deployments",
        "mcusim explain",
        "mcusim export chip --steps 1",
    )
    for command in commands:
        run(sys.executable, "-m", *command.split(), cwd=empty, env=env)
    assert (empty / "chip" / "selftest").is_dir()
    assert (empty / "out.img").stat().st_size > 100_000
    where = run(
        sys.executable, "-c", "import workbench.shipped as s; print(s.shipped('golden'))", cwd=empty, env=env
    )
    assert str(site) in where
