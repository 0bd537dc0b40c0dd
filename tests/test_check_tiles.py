"""``--check-tiles``: a flip of flash is caught and fetched again, or refused; never a wrong answer."""

from __future__ import annotations

import ctypes
import json
import random
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from mcusim.__main__ import main
from mcusim.asked import Asked, words_of
from mcusim.build import Costs
from mcusim.checks import IMAGE_CHECK, checked_part, checks
from mcusim.checksum import PIECE, TRIES, word_sum
from mcusim.emit.sums import SUM_BYTES
from mcusim.laid import lay, with_program
from mcusim.parts import load_part
from mcusim.planner.ledger import total_bytes
from mcusim.timing import instructions
from refimpl.image import Image
from tests.cross_tools import require
from tests.exports import export, make

HERE = Path(__file__).parent
FIRMWARE = HERE.parent / "firmware" / "src"
BAD_FLASH, SOLVED = 5, 0
WORDS = ("--stop", "fixed", "--H-cycles", "1", "--steps", "1", "--puzzle", "0")
# Every kind of transfer: tiles of whole rows, of parts and of columns, resident codes, blocks, angles, codes.
CASES = (("sudoku6-mlp", "w4c", "least"), ("sudoku6-mlp", "w4g32-a8d", "least"),
         ("sudoku6-mlp", "w8c", "chosen"), ("sudoku9-rope", "w4c-a8-c8", "least"))  # fmt: skip
PART = "mps2-an500"


@dataclass(frozen=True)
class Solved:
    """What one run of the solver with a faulty flash printed."""

    result: int
    caught: int
    fetched: int
    said: str


@dataclass(frozen=True)
class Solver:
    """A checked export built with ``faulty_flash.c``."""

    folder: Path
    request: Asked

    def run(self, *words: object) -> Solved:
        line = self.lines(*words)[-1].split(" ", 6)
        return Solved(int(line[1]), int(line[3]), int(line[5]), line[6])

    def lines(self, *words: object) -> list[str]:
        command = [self.folder / "faulty", *map(str, words)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def transfers(self) -> list[tuple[int, int, int]]:
        """(number, offset in the image, bytes) of every transfer of an undamaged run."""
        rows = [line.split() for line in self.lines("list")[:-1]]
        return [(int(number), int(offset), int(size)) for number, offset, size in rows]


@pytest.fixture(scope="module", params=CASES, ids=lambda case: "-".join(case))
def solver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Solver:
    require("clang")
    network, weights, plan = request.param
    folder = export(tmp_path_factory.mktemp("checked") / "solver", "--model", network, "--weights", weights,
                    "--part", PART, "--plan", plan, *WORDS, "--check-tiles")  # fmt: skip
    sources = [*sorted((folder / "src").glob("*.[cS]")), HERE / "faulty_flash.c"]
    checks = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    include = [f"-I{folder / 'src'}", f"-I{folder / 'selftest'}"]
    command = ["clang", "-std=c99", *checks, "-DRR_OWN_FETCH", *include, "-o", folder / "faulty", *sources]
    subprocess.run(command, check=True)
    asked = Asked(model=network, weights=weights, part=PART, plan=plan, stop="fixed", H_cycles=1, steps=1)
    return Solver(folder, replace(asked, check_tiles=True))


def unchecked(solver: Solver) -> list[range]:
    """Where rows of embeddings and of angles stand, which pass without a sum of their own."""
    image = Image((solver.folder / "src" / "image.rrim").read_bytes(), "the image")
    kinds = ("codes", "multiplier", "shift")
    rows = [f"{table}/{kind}" for table in ("embed_tokens", "embed_pos", "puzzle_emb") for kind in kinds]
    rows += [name for name in image.entries if name.endswith(("/coarse", "/fine"))]
    found = (image.entries[name] for name in rows if name in image.entries)
    return [range(entry.offset, entry.offset + entry.size) for entry in found]


def test_one_flipped_bit_of_any_transfer_is_caught_and_changes_nothing(solver: Solver) -> None:
    rng, clean, rows = random.Random(1), solver.run("once", 10**9, 0, 0), unchecked(solver)
    assert (clean.result, clean.caught) == (SOLVED, 0)
    summed = [(number, size) for number, offset, size in solver.transfers()
              if size == PIECE or not any(offset in one for one in rows)]  # fmt: skip
    for number, size in rng.sample(summed, 20):
        hit = solver.run("once", number, rng.randrange(size), rng.randrange(8))
        assert (hit.result, hit.said) == (SOLVED, clean.said), number
        assert hit.caught == 1
        assert hit.fetched > clean.fetched


def test_a_bit_that_stays_flipped_is_refused_wherever_it_is_read_once_more(solver: Solver) -> None:
    """The image is read to its end last of all: a flip is missed only where nothing reads it any more."""
    rng, size = random.Random(2), (solver.folder / "src" / "image.rrim").stat().st_size
    transfers, clean = solver.transfers(), solver.run("once", 10**9, 0, 0)
    untouched = " ".join(["answer", *["238"] * lay(solver.request).config.seq_len, "q 0 0"])
    count = len(transfers)
    for start in [0, 1, count // 2, count - 1, *(rng.randrange(count) for _ in range(12))]:
        where = rng.randrange(size)
        hit = solver.run("from", start, where, rng.randrange(8))
        read = any(offset <= where < offset + length for _, offset, length in transfers[start:])
        assert (hit.result, hit.said) == ((BAD_FLASH, untouched) if read else (SOLVED, clean.said))
        assert hit.caught >= (TRIES if read else 0)


def test_the_plan_counts_every_byte_that_a_checking_program_fetches(solver: Solver) -> None:
    laid = lay(solver.request)
    ledger = laid.plan.puzzle(laid.config.halt_max_steps)
    where_they_stand = ledger.sum(lambda work: total_bytes(work.in_place))
    fetched = Costs(laid.plan, laid.target).flash_bytes(ledger) - where_they_stand
    assert solver.run("once", 10**9, 0, 0).fetched == fetched
    twice = ledger.sites[IMAGE_CHECK].constants
    assert total_bytes(twice) == 2 * len(laid.image.data)


def test_c_and_python_sum_words_alike_and_any_damage_within_a_word_is_seen(tmp_path: Path) -> None:
    require("gcc")
    stub = tmp_path / "stub.c"
    copies = "void rr_fetch(void *to, const void *from, uint32_t n) { memcpy(to, from, n); }"
    stub.write_text(f'#include "rr_tile.h"\n#include <string.h>\n{copies}\n')
    library = tmp_path / "check.so"
    subprocess.run(["gcc", "-std=c99", "-O2", "-shared", "-fPIC", f"-I{FIRMWARE}", "-o", library,
                    FIRMWARE / "rr_check.c", stub], check=True)  # fmt: skip
    check, rng = ctypes.CDLL(str(library)), random.Random(3)
    for size in (*range(1, 70), 1000):
        data = rng.randbytes(size)
        check.rr_check_begin()
        assert check.rr_damaged(data, size, ctypes.c_uint32(word_sum(data))) == 0
        assert check.rr_image_damaged(data, size, ctypes.c_uint32(word_sum(data))) == 0
        word = rng.randrange(size) // 4 * 4
        other = bytearray(data)
        other[word : word + 4] = rng.randbytes(len(other[word : word + 4]))
        assert (word_sum(bytes(other)) == word_sum(data)) == (bytes(other) == data)
    data = rng.randbytes(45)
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        assert word_sum(bytes(flipped)) != word_sum(data)
        assert check.rr_damaged(bytes(flipped), len(data), ctypes.c_uint32(word_sum(data))) in (0, 1)
    assert ctypes.c_int32.in_dll(check, "rr_flash_caught").value == 8 * len(data)


def test_two_flipped_bits_are_seen_but_for_a_few_in_neighbouring_words() -> None:
    rng, missed = random.Random(4), 0
    data = rng.randbytes(256)
    wanted = word_sum(data)
    for _ in range(4000):
        number = int.from_bytes(data, "little")
        for bit in rng.sample(range(8 * len(data)), 2):
            number ^= 1 << bit
        missed += word_sum(number.to_bytes(len(data), "little")) == wanted
    assert missed <= 8  # 0.02 % are expected, 0.8 of 4,000


def test_a_checking_program_is_charged_with_its_code_its_sums_and_its_instructions() -> None:
    bare = Asked(model="sudoku6-mlp", weights="w4c", part=PART, plan="least")
    plain, checked = lay(bare), lay(replace(bare, check_tiles=True))
    sums = sum(map(int, re.findall(r"rr_sums_\d+\[(\d+)\] =", checked.program["rr_plan.c"])))
    (row,) = (one for one in checks() if one.target == "cortex-m7")
    figures = [[figure.count for _, figure in one.target.program.named_figures()] for one in (plain, checked)]
    added = [after - before for before, after in zip(*figures, strict=True)]
    assert added == [row.code + SUM_BYTES * sums, row.statics, row.stack]
    assert sums > 500
    assert "rr_damaged" not in plain.program["rr_plan.c"]
    steps = plain.config.halt_max_steps
    part = load_part(PART)
    work = [Costs(one.plan, one.target).counts(one.plan.puzzle(steps)) for one in (plain, checked)]
    more = instructions(work[1], checked_part(part)) / instructions(work[0], part) - 1
    assert 0 < more < 0.02
    assert plain.plan.choices == checked.plan.choices


def test_a_link_of_the_users_own_holds_the_sums_already() -> None:
    """They are charged once: the target of a linked program stays what the link says."""
    laid = lay(Asked(model="sudoku6-mlp", weights="w4c", part=PART, plan="least", check_tiles=True))
    full = replace(laid, limit=laid.held + laid.target.program.bytes + laid.plan.high_water)
    linked = with_program(full, linked=True)
    assert linked.fits
    assert linked.target is full.target
    assert not with_program(full).fits


def test_the_report_names_the_image_check_and_the_words_say_the_same_program(
    capsys: pytest.CaptureFixture[str],
) -> None:
    words = ["run", "--model", "sudoku6-mlp", "--weights", "w4c", "--no-fidelity", "--format", "json"]
    assert main([*words, "--check-tiles"]) == 0
    operators = {row["op"]: row for row in json.loads(capsys.readouterr().out)["operators"]}
    assert operators[IMAGE_CHECK]["flash_bytes"] > 0
    assert words_of(Asked(model="sudoku6-mlp", check_tiles=True)) == "--model sudoku6-mlp --check-tiles"


def test_a_flipped_bit_of_the_linked_image_is_refused_in_words(solver: Solver) -> None:
    require("make", "gcc")
    image = bytearray((solver.folder / "src" / "image.rrim").read_bytes())
    image[len(image) // 2] ^= 1
    (solver.folder / "src" / "image.rrim").write_bytes(image)
    _, said = make(solver.folder, "selftest", "PROGRAM=solve", "BUILD=flipped")
    image[len(image) // 2] ^= 1
    (solver.folder / "src" / "image.rrim").write_bytes(image)
    assert "what is read from flash is not the image that was exported" in said
