"""Sudoku: the generator, the solver, the symmetries, and the puzzles that ship."""

from __future__ import annotations

import itertools
import time
from pathlib import Path

import numpy as np
import pytest

from refimpl.errors import InputError
from workbench.tasks import ship
from workbench.tasks.puzzles import load_calibration, load_shipped
from workbench.tasks.sets import HeldOut
from workbench.tasks.sudoku import SudokuBatch, box_shape, conflict, from_tokens, lines, solve, to_tokens
from workbench.tasks.sudoku_generate import add_givens, generate
from workbench.tasks.sudoku_symmetry import (
    augment,
    canonical,
    orbit_keys,
    permute_columns,
    permute_rows,
    relabel_digits,
    solution_keys,
    transpose,
)


def units(size: int) -> list[list[int]]:
    height, width = box_shape(size)
    boxes: dict[tuple[int, int], list[int]] = {}
    for cell in range(size * size):
        boxes.setdefault((cell // size // height, cell % size // width), []).append(cell)
    rows = [list(range(r * size, (r + 1) * size)) for r in range(size)]
    return rows + [list(range(c, size * size, size)) for c in range(size)] + list(boxes.values())


def solutions_by_plain_search(grid: list[int], size: int, limit: int) -> list[list[int]]:
    """Independent of the compiled solver: recursion on the cell with the fewest candidates."""
    peers = [{p for unit in units(size) if cell in unit for p in unit} for cell in range(size * size)]
    found: list[list[int]] = []

    def descend(board: list[int]) -> None:
        blanks = [cell for cell in range(size * size) if not board[cell]]
        if not blanks:
            found.append(board.copy())
            return
        choices = {cell: set(range(1, size + 1)) - {board[p] for p in peers[cell]} for cell in blanks}
        cell = min(blanks, key=lambda c: len(choices[c]))
        for digit in choices[cell]:
            board[cell] = digit
            descend(board)
            board[cell] = 0
            if len(found) >= limit:
                return

    descend(list(grid))
    return found


def is_solved(grid: np.ndarray, size: int) -> bool:
    return all(sorted(grid[unit]) == list(range(1, size + 1)) for unit in units(size))


@pytest.mark.parametrize(("size", "givens"), [(9, 26), (9, 28), (9, 32), (9, 60), (6, 10), (6, 18)])
def test_generated_puzzles_have_one_solution_and_the_chosen_number_of_givens(size: int, givens: int) -> None:
    batch = generate(20, givens, seed=5, size=size)
    for question, answer in zip(batch.questions, batch.answers, strict=True):
        assert np.count_nonzero(question) == givens
        assert is_solved(answer, size)
        assert solutions_by_plain_search(list(map(int, question)), size, 2) == [answer.tolist()]


def test_a_minimal_puzzle_loses_uniqueness_with_any_given() -> None:
    question = generate(1, 0, seed=8).questions[0]
    for cell in np.flatnonzero(question):
        smaller = question.copy()
        smaller[cell] = 0
        assert solve(smaller)[0] == 2


def test_the_seed_decides_the_puzzles_and_a_longer_batch_begins_with_the_shorter() -> None:
    long, short = generate(8, 28, seed=1), generate(3, 28, seed=1)
    assert np.array_equal(long.questions[:3], short.questions)
    assert np.array_equal(long.answers[:3], short.answers)
    assert not np.array_equal(generate(3, 28, seed=2).questions, short.questions)


def test_a_thousand_unique_puzzles_take_under_ten_seconds_on_one_core() -> None:
    generate(1, 28, seed=0)
    givens = [28 + k % 5 for k in range(1000)]
    started = time.process_time()
    generate(1000, givens, seed=3)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(("arguments", "sentence"), [
    ((1, 28, 0, 7), "there is no 7x7 Sudoku here"),
    ((1, 82, 0, 9), "82 to 82 givens"),
    ((-1, 28, 0, 9), "-1 puzzles"),
    ((1, 28, -1, 9), "the seed -1"),
    ((2, [28], 0, 9), "1 numbers of givens"),
    ((1, 12, 0, 9), "no 9x9 puzzle with 12 givens"),
])
def test_impossible_wishes_are_refused_with_a_sentence(arguments: tuple, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        generate(*arguments)


def test_the_solver_counts_solutions_up_to_the_limit() -> None:
    question = generate(1, 0, seed=8).questions[0].copy()
    question[np.flatnonzero(question)[:2]] = 0
    expected = len(solutions_by_plain_search(list(map(int, question)), 9, 50))
    assert expected > 2
    assert solve(question, limit=50)[0] == expected
    assert solve(question, limit=2)[0] == 2


def test_the_solver_finds_no_solution_where_a_cell_has_no_digit_left() -> None:
    grid = np.zeros(81, dtype=np.uint8)
    grid[:8] = range(1, 9)
    grid[17] = 9
    assert conflict(grid) is None
    assert solve(grid)[0] == 0


def test_conflict_names_two_cells_of_one_unit() -> None:
    for first, second in ((0, 8), (0, 72), (0, 20)):
        grid = np.zeros(81, dtype=np.uint8)
        grid[[first, second]] = 7
        assert conflict(grid) == (first, second)
        assert solve(grid)[0] == 0


def test_every_digit_stands_once_in_every_row_column_and_box_that_lines_names() -> None:
    for size in (6, 9):
        answer = generate(1, size * size, 3, size).answers[0]
        for number in lines(size).values():
            assert all(sorted(answer[number == k]) == list(range(1, size + 1)) for k in range(size))


def test_tokens_are_digit_plus_one_with_blank_one() -> None:
    grid = np.array([0, 1, 9], dtype=np.uint8)
    assert to_tokens(grid).tolist() == [1, 2, 10]
    assert from_tokens(np.array([0, 1, 2, 10])).tolist() == [0, 0, 1, 9]


def test_adding_givens_keeps_the_old_ones_and_reaches_the_number() -> None:
    minimal = generate(6, 0, seed=4)
    wanted = np.array([30, 35, 40, 45, 81, 10])
    eased = add_givens(minimal, wanted, np.random.default_rng(0))
    old = minimal.questions != 0
    assert np.array_equal(eased.questions[old], minimal.questions[old])
    assert (eased.questions != 0).sum(axis=1).tolist() == [30, 35, 40, 45, 81, int(old[5].sum())]
    assert np.array_equal(np.where(eased.questions, eased.questions, eased.answers), eased.answers)


@pytest.mark.parametrize("size", [9, 6])
@pytest.mark.parametrize("change", [relabel_digits, permute_rows, permute_columns, transpose, augment])
def test_every_augmentation_maps_unique_puzzles_into_their_own_orbit(change, size: int) -> None:
    batch = generate(12, 0, seed=11, size=size)
    image = change(batch, np.random.default_rng(2))
    moved = bool((image.questions != batch.questions).any())
    assert moved == (change is not transpose or size == 9)
    for question, answer in zip(image.questions, image.answers, strict=True):
        found, solution = solve(question)
        assert found == 1
        assert np.array_equal(solution, answer)
    assert orbit_keys(image) == orbit_keys(batch)
    again = change(batch, np.random.default_rng(2))
    assert np.array_equal(again.questions, image.questions)


def test_the_canonical_form_is_the_smallest_image_over_the_whole_group() -> None:
    batch = generate(3, 0, seed=6, size=6)
    inner_rows = list(itertools.product(itertools.permutations(range(2)), repeat=3))
    rows = [[2 * band + r for band, pick in zip(bands, inner, strict=True) for r in pick]
            for bands in itertools.permutations(range(3)) for inner in inner_rows]
    columns = [[3 * stack + c for stack, pick in zip(stacks, inner, strict=True) for c in pick]
               for stacks in itertools.permutations(range(2))
               for inner in itertools.product(itertools.permutations(range(3)), repeat=2)]
    forms = canonical(batch)
    for n in range(3):
        answer, question = batch.answers[n].reshape(6, 6), batch.questions[n].reshape(6, 6)
        images = []
        for row, column in itertools.product(rows, columns):
            turned = answer[np.ix_(row, column)]
            label = np.zeros(7, dtype=np.uint8)  # the best labelling spells the first row 1 .. 6
            label[turned[0]] = range(1, 7)
            images.append((label[turned].tobytes(), label[question[np.ix_(row, column)]].tobytes()))
        assert (forms.answers[n].tobytes(), forms.questions[n].tobytes()) == min(images)


def test_there_are_49_classes_of_solved_6x6_grids() -> None:
    assert len(set(solution_keys(generate(3000, 0, seed=3, size=6).answers))) == 49


def test_unrelated_puzzles_have_different_keys() -> None:
    batch = generate(40, 0, seed=12)
    assert len(set(orbit_keys(batch))) == 40
    one_more = add_givens(batch, 40, np.random.default_rng(0))
    assert not set(orbit_keys(one_more)) & set(orbit_keys(batch))
    assert solution_keys(one_more.answers) == solution_keys(batch.answers)


@pytest.mark.parametrize("recipe", [ship.SHIPPED, ship.CALIBRATION])
def test_the_shipped_files_are_what_their_recipe_makes(recipe: ship.Recipe, tmp_path: Path) -> None:
    made = ship.write(recipe, tmp_path)
    assert made.read_bytes() == (ship.DATA / recipe.file).read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [recipe.file]


def test_the_shipped_puzzles_are_64_of_each_number_of_givens_in_turn() -> None:
    shown = (load_shipped().questions != 0).sum(axis=1)
    assert shown.tolist() == [26, 28, 30, 32] * 64


def test_shipped_and_calibration_puzzles_are_unique_and_share_nothing_up_to_symmetry() -> None:
    shipped, calibration = load_shipped(), load_calibration()
    assert (len(shipped.questions), len(calibration.questions)) == (256, 64)
    for batch in (shipped, calibration):
        for question, answer in zip(batch.questions, batch.answers, strict=True):
            found, solution = solve(question)
            assert found == 1
            assert np.array_equal(solution, answer)
    both = SudokuBatch(*(np.concatenate(pair) for pair in zip(shipped, calibration, strict=True)))
    assert len(set(solution_keys(both.answers))) == 256 + 64


def test_the_calibration_puzzles_have_28_to_36_givens() -> None:
    shown = (load_calibration().questions != 0).sum(axis=1)
    assert (int(shown.min()), int(shown.max())) == (28, 36)


def test_a_held_out_set_is_drawn_by_its_own_seed() -> None:
    first, again, other = (HeldOut(givens=8, seed=seed).draw(4, 6).inputs for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
