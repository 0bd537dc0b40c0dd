"""The structure holds: imports run downwards, integers stay integers, modules stay small.

Everything is read from the source with ``ast``; nothing here depends on what happens to be executed.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

from refimpl import fast, float_ops, ops
from refimpl.models.operators import Operators

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("refimpl", "workbench", "mcusim", "training", "firmware", "benchmarks")
LONGEST = 400

# The integer zone, and all that it may import.
ZONE = (
    "refimpl.fixedpoint",
    "refimpl.packing",
    "refimpl.params",
    "refimpl.block_params",
    "refimpl.ops",
    "refimpl.fast",
)
ZONE_MAY_IMPORT = (
    *ZONE,
    "refimpl.errors",
    "refimpl.layout",
    "refimpl.models.tree",
    "refimpl.models.operators",
)
FLOAT_CARRIER = "refimpl.fast.exact_gemm"  # BLAS carries integers there, under a bound it checks

# What brings a float about: builtins, methods of arrays, functions and types of NumPy and math.
FLOAT_BUILTINS = {"float", "complex", "Fraction", "Decimal"}
FLOAT_METHODS = {"mean", "std", "var"}
FLOAT_MEMBERS = FLOAT_METHODS | {
    "float16", "float32", "float64", "float128", "floating", "inexact", "half", "single", "double",
    "longdouble", "complex64", "complex128", "sqrt", "exp", "exp2", "expm1", "log", "log2", "log10", "sin",
    "cos", "tan", "tanh", "average", "divide", "true_divide", "reciprocal", "frexp", "ldexp", "linspace",
    "random", "pi", "inf", "nan",
}  # fmt: skip
FLOAT_TYPE_TEXTS = {"float", "float16", "float32", "float64", "f2", "f4", "f8", "<f2", "<f4", "<f8", "d"}
SUBLAYERS = {"Attention", "SwiGLU"}
LIBRARIES = {"np", "numpy", "math"}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))}


@cache
def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text(encoding="utf-8"), str(MODULES[module]))


def imported(module: str, nodes: Iterator[ast.AST]) -> set[str]:
    """Modules of ours that ``nodes`` import; ``from package import name`` is the submodule if it is one."""
    found: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively; say the whole name"
            source = node.module or ""
            for alias in node.names:
                full = f"{source}.{alias.name}"
                found.add(full if full in MODULES else source)
    return {name for name in found if name.split(".")[0] in PACKAGES}


def imports(module: str) -> set[str]:
    """Wherever they stand, functions and type-checking blocks included."""
    return imported(module, ast.walk(tree_of(module)))


def within(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def zone_modules() -> list[str]:
    return [module for module in MODULES if within(module, ZONE)]


# --- imports --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("package", "allowed"),
    [
        ("refimpl", ("refimpl",)),
        ("workbench", ("workbench", "refimpl")),
        ("mcusim", ("mcusim", "workbench", "refimpl")),
        ("training", ("training", "workbench", "refimpl")),
        ("firmware", ("mcusim", "workbench", "refimpl")),
        ("benchmarks", ("training", "mcusim", "workbench", "refimpl")),
    ],
)
def test_packages_import_downwards(package: str, allowed: tuple[str, ...]) -> None:
    """refimpl knows nobody who uses it, workbench no simulator, nobody training or the scripts."""
    modules = [module for module in MODULES if within(module, (package,))]
    assert modules
    wrong = {m: sorted(i for i in imports(m) if not within(i, allowed)) for m in modules}
    assert not {m: i for m, i in wrong.items() if i}


def test_the_reference_names_those_who_use_it_in_its_command_table_alone() -> None:
    """Text that a lazy import could be made of counts; a docstring that points there does not."""
    users = tuple(package for package in PACKAGES if package != "refimpl")
    naming = {
        module
        for module in MODULES
        if within(module, ("refimpl",))
        for node in ast.walk(tree_of(module))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and within(node.value, users)
    }
    assert naming == {"refimpl.__main__"}


def test_the_reference_reads_and_writes_no_file() -> None:
    """It takes and gives values; files are a matter of those who use it.  Compiled kernels are kept."""
    for module in (m for m in MODULES if within(m, ("refimpl",)) and m != "refimpl.fast.cache"):
        nodes = list(ast.walk(tree_of(module)))
        names = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
        names |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
        assert not names & {"pathlib", "io", "tempfile", "shutil"}, module
        assert not [n for n in nodes if isinstance(n, ast.Name) and n.id == "open"], module


def test_the_reference_can_be_read_in_an_hour() -> None:
    modules = [module for module in MODULES if within(module, ("refimpl",))]
    assert sum(len(MODULES[m].read_text(encoding="utf-8").splitlines()) for m in modules) < 5500


@pytest.mark.parametrize("module", zone_modules())
def test_the_integer_zone_imports_no_float_module(module: str) -> None:
    assert not [name for name in imports(module) if not within(name, ZONE_MAY_IMPORT)]


@pytest.mark.parametrize("module", [m for m in MODULES if within(m, ("refimpl.ops",))])
def test_the_specification_does_not_lean_on_its_fast_twin(module: str) -> None:
    assert not [name for name in imports(module) if within(name, ("refimpl.fast",))]


@pytest.mark.parametrize(
    "module", ["refimpl.models.blocks", "refimpl.models.recursion", "refimpl.models.tree"]
)
def test_the_model_text_has_no_arithmetic_library(module: str) -> None:
    """It only hands leaves to operators, so any reading can run it."""
    wanted = {alias.name for n in ast.walk(tree_of(module)) if isinstance(n, ast.Import) for alias in n.names}
    wanted |= {n.module or "" for n in ast.walk(tree_of(module)) if isinstance(n, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in wanted} & {"numpy", "numba", "math", "torch"}
    assert not [name for name in imports(module) if not within(name, ("refimpl.models", "refimpl.errors"))]


def test_blocks_do_no_arithmetic_of_their_own() -> None:
    assert not [
        n
        for n in ast.walk(tree_of("refimpl.models.blocks"))
        if isinstance(n, ast.BinOp) and not isinstance(n.op, ast.BitOr)
    ]  # A | B in annotations


def test_no_modules_import_each_other_in_a_circle() -> None:
    graph = {
        module: imported(module, iter(tree_of(module).body)) & MODULES.keys() - {module} for module in MODULES
    }
    done: set[str] = set()

    def visit(module: str, path: tuple[str, ...]) -> None:
        assert module not in path, " -> ".join((*path[path.index(module) :], module))
        if module not in done:
            for target in sorted(graph[module]):
                visit(target, (*path, module))
            done.add(module)

    for module in graph:
        visit(module, ())


# --- integers -------------------------------------------------------------------------------------------


def floats_in(tree: ast.Module) -> list[str]:
    """Every place that could bring a float about, as 'line: what'."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=float() | complex()):
                what = repr(node.value)
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                what = "true division"
            case ast.BinOp(op=ast.Pow(), right=ast.UnaryOp(op=ast.USub())):
                what = "negative power"
            case ast.Name(id=name) if name in FLOAT_BUILTINS:
                what = name
            case ast.Attribute(value=ast.Name(id=library), attr=name) if library in LIBRARIES:
                what = name if name in FLOAT_MEMBERS else ""
            case ast.Attribute(attr=name) if name in FLOAT_METHODS:
                what = name
            case ast.ImportFrom(module="math" | "numpy" | "fractions" | "decimal"):
                names = {alias.name for alias in node.names}
                what = " ".join(sorted(names & (FLOAT_MEMBERS | FLOAT_BUILTINS)))
            case ast.Call(args=[*_, ast.Constant(value=str(text))]) if text in FLOAT_TYPE_TEXTS:
                what = repr(text)
            case _:
                what = ""
        if what:
            found.append(f"{getattr(node, 'lineno', '?')}: {what}")
    return found


@pytest.mark.parametrize("module", [m for m in zone_modules() if m != FLOAT_CARRIER])
def test_the_integer_zone_has_no_float(module: str) -> None:
    assert floats_in(tree_of(module)) == []


def test_the_one_exception_has_two_float_types_and_nothing_else() -> None:
    """They carry integers there; float literals, divisions and functions stay out."""
    found = floats_in(tree_of(FLOAT_CARRIER))
    assert found
    assert {entry.split(": ")[1] for entry in found} <= {"float32", "float64"}


@pytest.mark.parametrize(
    "text",
    ["x = 0.5", "x = a / b", "a /= 2", "np.float32(a)", "a.astype(float)", "np.sqrt(a)", "np.zeros(3, 'f4')",
     "a.mean()", "2 ** -3", "from math import sqrt", "math.ldexp(a, 3)", "np.dtype('float64')"],
)  # fmt: skip
def test_the_float_detector_sees(text: str) -> None:
    assert floats_in(ast.parse(text))


@pytest.mark.parametrize(
    "text", ["a // b", "a >> 3", "2**31 - 1", "np.int64(a)", "x = '1/2'", "(1 << e) - 1"]
)
def test_the_float_detector_lets_pass(text: str) -> None:
    assert not floats_in(ast.parse(text))


# --- readings -------------------------------------------------------------------------------------------


def names_in(reading: ModuleType) -> set[str]:
    return set(reading.__all__)


def test_every_reading_offers_the_names_of_the_protocol() -> None:
    protocol = {name for name in vars(Operators) if not name.startswith("_")}
    assert names_in(ops) == names_in(fast) == names_in(float_ops) == protocol


@pytest.mark.parametrize("name", sorted(ops.__all__))
def test_every_reading_calls_the_parameters_of_an_operator_the_same(name: str) -> None:
    """So that a call written for one reading runs on all, by position and by name."""

    def parameters(function: object) -> list[tuple[str, object]]:
        assert callable(function)
        signature = inspect.signature(function)
        return [(p.name, p.kind) for p in signature.parameters.values() if p.name != "self"]

    expected = parameters(getattr(Operators, name))
    for reading in (ops, fast, float_ops):
        assert parameters(getattr(reading, name)) == expected, reading.__name__


# --- one place a fact ------------------------------------------------------------------------------------


def test_sublayers_are_told_apart_in_the_models_and_the_schedule_alone() -> None:
    """And in the schedule, which runs them in tiles; elsewhere a sublayer is walked through."""
    asking = set()
    for module in MODULES:
        for node in ast.walk(tree_of(module)):
            asked: list[ast.AST] = []
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "isinstance":
                asked = list(ast.walk(node.args[1]))
            elif isinstance(node, ast.MatchClass):
                asked = list(ast.walk(node.cls))
            if SUBLAYERS & {n.id if isinstance(n, ast.Name) else getattr(n, "attr", "") for n in asked}:
                asking.add(module)
    allowed = ("refimpl.models", "mcusim.planner.schedule")
    assert {module for module in asking if not within(module, allowed)} == set()


def test_how_cycles_nest_is_written_once_in_python_once_in_the_firmware_and_once_in_what_is_emitted() -> None:
    """A loop over L cycles: the generator of calls, the C that reads any image, the C made for one plan."""
    loop = re.compile(r"range\([^)\n]*L_cycles|for \([^;\n]*;[^;\n]*< *(?:\w+->|\w+\.|\{)?L_cycles")
    count = re.compile(r"L_cycles\}? *\+ *1|1 *\+ *\{?[\w.]*L_cycles")
    written = [path for folder in ("firmware", "mcusim") for path in (ROOT / folder).rglob("*.[ch]")]
    paths = [path for path in (*MODULES.values(), *written) if "build" not in path.parts]
    for what in (loop, count):
        found = {path.relative_to(ROOT).as_posix() for path in paths if what.search(path.read_text())}
        assert found == {"refimpl/models/order.py", "mcusim/emit/program.py", "firmware/src/rr_run.c"}


# --- size -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("module", MODULES)
def test_no_module_is_longer_than_400_lines(module: str) -> None:
    lines = len(MODULES[module].read_text(encoding="utf-8").splitlines())
    assert lines <= LONGEST, f"{module} has {lines} lines"


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module: str) -> None:
    assert ast.get_docstring(tree_of(module))
