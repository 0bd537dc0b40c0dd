"""``mcusim export``: a folder that builds by itself, and is there whole or not at all."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from mcusim.__main__ import main
from mcusim.export.expected import expected_of
from mcusim.export.sources import firmware_sources, needed
from mcusim.export.vectors import chosen_cases, operators_of
from refimpl import fast
from refimpl.formats import parse_format
from tests.cross_tools import require
from tests.exports import export, make, replace_once
from workbench.fidelity import Reading
from workbench.networks import find_network
from workbench.tasks.puzzles import load_shipped
from workbench.tasks.sudoku import to_tokens
from workbench.vectors.files import DEFAULT_GOLDEN
from workbench.vectors.suites import read_suites
from workbench.vectors.tensors import decode

COMMENTS = re.compile(r"/\*.*?\*/", re.DOTALL)
FORBIDDEN = re.compile(r"\b(malloc|calloc|realloc|free|float|double|printf|strlen|memmove)\b")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default deployment, exported once and moved to another place."""
    first = export(tmp_path_factory.mktemp("made") / "solver")
    moved = tmp_path_factory.mktemp("moved") / "elsewhere"
    shutil.move(first, moved)
    return moved


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """A copy to break."""
    return Path(shutil.copytree(folder, tmp_path / "copy", ignore=shutil.ignore_patterns("build")))


def test_the_self_test_passes_far_from_the_repository_and_touches_the_whole_arena(folder: Path) -> None:
    require("make", "gcc")
    status, said = make(folder, "selftest", "STEPS=1")
    assert status == 0
    assert "PASS: 3 puzzles of at most 6 calls" in said
    touched = re.search(r"arena sram: (\d+) of (\d+) bytes touched", said)
    assert touched is not None
    assert touched[1] == touched[2]


def test_only_what_the_plan_calls_is_exported(folder: Path) -> None:
    names = {path.name for path in (folder / "src").iterdir()}
    assert {"rr_plan.c", "rr_solve.h", "rr_tile.c", "image.rrim"} <= names
    assert not names & {"rr_model.c", "rr_run.c", "rr_block.c", "rr_linear.c", "rr_softmax.c"}
    assert not list(folder.rglob("*.py"))
    for path in (folder / "src").glob("*.[ch]"):
        assert FORBIDDEN.search(COMMENTS.sub("", path.read_text())) is None, path


def test_a_broken_rounding_is_named_by_call_level_and_operator(copy: Path) -> None:
    require("make", "gcc")
    replace_once(copy / "src" / "rr_fixed.h", "(x + (x >> 31))", "(x - (x >> 31))")
    status, said = make(copy, "selftest", "STEPS=1")
    assert status != 0
    assert "DIFFERS: puzzle 0, call 0, level L, ACT step 0, operator linear_s4" in said
    assert "linear_s4: 8 of 14 cases pass" not in said


@pytest.mark.slow
def test_whatever_was_in_the_arena_its_last_byte_counts_as_touched(copy: Path) -> None:
    """A byte may be left with the value that it was painted with: one paint in 256 is that value."""
    replace_once(copy / "selftest" / "rr_selftest.c",
                 "return (uint8_t)((i * 2654435761u) >> 24 ^ inverted);",
                 "(void)i; extern uint8_t rr_paint; return (uint8_t)(rr_paint ^ inverted);")  # fmt: skip
    (copy / "selftest" / "paint.c").write_text(
        "#include <stdint.h>\n#include <stdlib.h>\nextern uint8_t rr_paint;\nuint8_t rr_paint;\n"
        '__attribute__((constructor)) static void set(void) { rr_paint = (uint8_t)atoi(getenv("PAINT")); }\n'
    )
    runs = [make(copy, "STEPS=1", "selftest", f"PAINT={paint}") for paint in range(256)]
    assert {status for status, _ in runs} == {0}


def test_a_flipped_bit_of_the_image_is_found(copy: Path) -> None:
    require("make", "gcc")
    image = bytearray((copy / "src" / "image.rrim").read_bytes())
    image[len(image) // 2] ^= 1
    (copy / "src" / "image.rrim").write_bytes(image)
    status, said = make(copy, "selftest", "STEPS=1")
    assert status != 0
    assert "the image in memory is not the one that was exported" in said


@pytest.mark.parametrize(
    ("name", "old", "new", "what"),
    [
        ("rr_flash.S", "    .balign 16\n", "    .balign 16\n    .byte 0\n", "image"),
        ("rr_arena.c", "rr_arena_sram, ", "rr_arena_sram + 1, ", "arena"),
    ],
)
def test_a_misplaced_memory_is_refused_at_run_time(
    copy: Path, name: str, old: str, new: str, what: str
) -> None:
    require("make", "gcc")
    replace_once(copy / "src" / name, old, new)
    status, said = make(copy, "selftest", "STEPS=1")
    assert status != 0
    assert f"REFUSED: the {what} does not lie at a multiple" in said


@pytest.mark.parametrize("format", ["w4g32-a8d", "w4c-a8p16"])
def test_kernels_of_other_linears_are_exported_with_their_plan(format: str, tmp_path: Path) -> None:
    require("make", "gcc")
    made = export(tmp_path / "solver", "--model", "sudoku6-mlp", "--weights", format, "--puzzle", "0")
    status, said = make(made, "selftest", "STEPS=1")
    assert status == 0
    assert "PASS: 1 puzzles" in said


def test_a_second_program_is_exported_with_its_image_behind_the_first(tmp_path: Path) -> None:
    require("make", "gcc")
    rule = "head+settled,t=140,more=2,by=w4g32"
    made = export(tmp_path / "solver", "--model", "sudoku6-mlp", "--weights", "w8c", "--steps", "4", "--stop",
                  rule, "--retries", "1", "--puzzle", "0", "--puzzle", "1")  # fmt: skip
    network = find_network("sudoku6-mlp")
    first, second = network.image("w8c"), network.image("w4g32")
    image = (made / "src" / "image.rrim").read_bytes()
    assert image.startswith(first)
    assert image.endswith(second)
    assert len(image) - len(second) == -(-len(first) // 16) * 16
    status, said = make(made, "selftest")
    assert status == 0, said
    assert "PASS: 2 puzzles of at most 24 calls" in said
    assert {"linear_s8", "linear_s4"} <= set(re.findall(r"^(\w+): ", said, re.MULTILINE))
    assert make(made, "selftest", "STEPS=1")[0] == 0
    plan = made / "src" / "rr_plan.c"
    replace_once(plan, "rr_finish(tokens, puzzle, cycle,", "rr_finish(tokens, puzzle, 0,")
    status, said = make(made, "selftest")
    assert status != 0


def test_an_image_as_a_c_array_is_the_same_program(tmp_path: Path) -> None:
    require("make", "gcc")
    made = export(tmp_path / "array", "--image", "array", "--puzzle", "4", "--plan", "least")
    assert not (made / "src" / "image.rrim").exists()
    status, said = make(made, "selftest", "STEPS=1")
    assert status == 0
    assert "PASS: 1 puzzles of at most 6 calls" in said


def test_a_plan_that_does_not_fit_leaves_no_folder_and_names_one_that_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "solver"
    assert main(["export", str(out), "--budget", "300KB", "--plan", "96x224/96 81x256/81 x +all"]) == 1
    said = capsys.readouterr().err
    assert "does not fit" in said
    assert "--plan '" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("plan", ["96x223/96 81x255/81", "96x7/96 81x5/81"])
def test_a_plan_without_c_is_never_said_to_fit(
    plan: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tiles of an odd number of int4 codes begin within a byte, which nothing fetches."""
    assert main(["run", "--no-fidelity", "--steps", "1", "--plan", plan]) == 2
    said = capsys.readouterr()
    assert "a tile of 4-bit weights begins within a byte" in said.err
    assert said.out == ""
    assert main(["export", str(tmp_path / "solver"), "--plan", plan]) == 2
    assert "begins within a byte" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--plan", "fast"], "names no plan"),
        (["--puzzle", "999"], "0 to 255"),
        (["--model", "sudoku9-mlq"], "did you mean"),
        (["--model", "trm-mlp-sudoku", "--puzzle", "1"], "seeded weights"),
    ],
)
def test_a_wrong_request_is_one_sentence_and_leaves_nothing(
    arguments: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", str(tmp_path / "solver"), *arguments]) == 2
    said = capsys.readouterr()
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["export", str(tmp_path)]) == 2
    assert "is not empty" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "notes.txt")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert main(["export", str(tmp_path / "a" / "b")]) == 2
    assert "cannot be made in it" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_expected_states_are_those_of_the_golden_trace() -> None:
    trace = json.loads((DEFAULT_GOLDEN / "recursion" / "sudoku9-mlp-w4c.json").read_text())
    model = find_network("sudoku9-mlp").integer_model(parse_format("w4c"))
    tokens = decode(trace["tokens"])
    found = expected_of(Reading(fast, model), [(tokens, 0)])[0]
    assert [f"{crc:08x}" for crc in found.calls] == [call["crc32"] for call in trace["calls"]]
    assert found.answer == tuple(decode(trace["answer"]).tolist())


def test_an_int8_carry_is_compared_as_its_codes() -> None:
    tokens, network = to_tokens(load_shipped().questions[:1])[0], find_network("sudoku9-mlp")
    wide, narrow = (
        expected_of(Reading(fast, network.integer_model(parse_format(name)).with_depth(1, 1)), [(tokens, 0)])
        for name in ("w4c", "w4c-c8")
    )
    assert len(wide[0].calls) == len(narrow[0].calls) == 3
    assert wide[0].calls != narrow[0].calls


def test_sources_follow_calls_not_declarations() -> None:
    library = {
        "a.h": "int32_t rr_a(int32_t x);\nint32_t rr_b(int32_t x);\n",
        "a.c": '#include "a.h"\nint32_t rr_a(int32_t x)\n{\n    return x;\n}\n',
        "b.c": '#include "a.h"\nint32_t rr_b(int32_t x)\n{\n    return x; /* rr_c() */\n}\n',
        "c.c": "int32_t rr_c(void)\n{\n    return 1;\n}\n",
    }
    main_c = '#include "a.h"\nint main(void) { return rr_b(1); }\n'
    assert set(needed({"main.c": main_c}, library)) == {"a.h", "b.c"}
    assert "rr_tile.c" in needed({"main.c": "void f(void) { rr_tile_linear(0); }"}, firmware_sources())


def test_every_kind_of_bug_of_a_suite_has_a_case_in_the_self_test() -> None:
    for suite in read_suites(DEFAULT_GOLDEN):
        chosen = chosen_cases(suite)
        assert chosen
        assert len({case.number for case in chosen}) == len(chosen)
    names = operators_of(find_network("sudoku9-rope").config, parse_format("w4c-c8"))
    assert {"linear_s4", "rope", "softmax_s8_s16", "int8_carry"} <= set(names)
    assert "linear_s8" not in names
