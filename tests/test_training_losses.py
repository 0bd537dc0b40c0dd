"""Claims: each loss is its formula, on numbers small enough to work out by hand."""

from __future__ import annotations

import math

import pytest

torch = pytest.importorskip("torch")

from training.baselines import fake_quantize, prune_mask  # noqa: E402
from training.losses import (  # noqa: E402
    carry_cosine,
    distillation_loss,
    halt_loss,
    solved,
    stablemax_cross_entropy,
    token_loss,
)
from training.optim import orthogonalize  # noqa: E402

LOGITS = torch.tensor([[[1.0, -1.0, 3.0], [0.0, 0.0, 0.0]]])  # one puzzle, two tokens, three codes


def test_stablemax_divides_x_plus_1_and_its_mirror_image() -> None:
    # s(1) = 2, s(-1) = 1 / 2, s(3) = 4, s(0) = 1
    found = stablemax_cross_entropy(LOGITS, torch.tensor([[2, 1]]))
    torch.testing.assert_close(found, torch.tensor([[math.log(6.5 / 4), math.log(3)]]))


def test_stablemax_is_finite_where_the_label_is_certain_or_hopeless() -> None:
    logits = torch.tensor([[[1e6, -1e6]]])
    assert float(stablemax_cross_entropy(logits, torch.tensor([[0]]))) < 1e-5
    assert float(stablemax_cross_entropy(logits, torch.tensor([[1]]))) == pytest.approx(27.631, abs=1e-2)


def test_the_softmax_loss_is_the_log_of_the_share() -> None:
    total = math.e + 1 / math.e + math.e**3
    found = token_loss(LOGITS, torch.tensor([[2, 1]]), "softmax", torch.ones(3))
    torch.testing.assert_close(found, torch.tensor([(math.log(total) - 3 + math.log(3)) / 2]))


def test_padding_never_counts_and_weights_follow_the_label() -> None:
    ones = torch.ones(3)
    both = stablemax_cross_entropy(LOGITS, torch.tensor([[2, 1]]))[0]
    padded = token_loss(LOGITS, torch.tensor([[2, -100]]), "stablemax", ones)
    torch.testing.assert_close(padded, both[:1])
    equal = token_loss(LOGITS, torch.tensor([[2, 1]]), "stablemax", ones)
    torch.testing.assert_close(equal, both.mean()[None])
    weighted = token_loss(LOGITS, torch.tensor([[2, 1]]), "stablemax", torch.tensor([0.0, 1.0, 3.0]))
    torch.testing.assert_close(weighted, ((3 * both[0] + both[1]) / 4)[None])


def test_a_puzzle_is_solved_when_every_counted_token_is_right() -> None:
    logits = torch.tensor([[[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    answers = torch.tensor([[1, 2], [1, -100], [2, -100], [1, 1]])
    assert solved(logits.expand(4, 2, 3), answers).tolist() == [True, True, False, False]


def test_the_halting_loss_is_binary_cross_entropy() -> None:
    q = torch.tensor([0.0, 2.0, 2.0])
    found = halt_loss(q, torch.tensor([True, True, False]))
    sigmoid = 1 / (1 + math.exp(-2))
    torch.testing.assert_close(found, torch.tensor([math.log(2), -math.log(sigmoid), -math.log(1 - sigmoid)]))


def test_the_carry_loss_sees_direction_and_not_length() -> None:
    states = torch.tensor([[[1.0, 0.0]], [[0.0, 2.0]]])
    assert float(carry_cosine(states, 5 * states)) == pytest.approx(1.0)
    assert float(carry_cosine(states, states.flip(0))) == pytest.approx(0.0)


def test_distillation_vanishes_at_the_teacher_and_has_the_divergence_elsewhere() -> None:
    assert float(distillation_loss(LOGITS, LOGITS)) == pytest.approx(0.0, abs=1e-6)
    student, teacher = torch.tensor([[[0.0, 0.0]]]), torch.tensor([[[2.0, 0.0]]])
    share = 1 / (1 + math.exp(-1))  # temperature 2
    expected = 4 * (share * math.log(2 * share) + (1 - share) * math.log(2 * (1 - share)))
    assert float(distillation_loss(student, teacher)) == pytest.approx(expected, rel=1e-5)


def test_fake_quantization_rounds_to_the_grid_and_lets_the_gradient_through() -> None:
    weight = torch.tensor([[0.7, -0.34, 0.06], [0.1, 0.02, 0.0]], requires_grad=True)
    per_tensor = fake_quantize(weight, 4, per_row=False)
    torch.testing.assert_close(per_tensor.detach(), torch.tensor([[0.7, -0.3, 0.1], [0.1, 0.0, 0.0]]))
    per_row = fake_quantize(weight, 4, per_row=True)
    torch.testing.assert_close(per_row.detach()[1], torch.tensor([0.1, 0.1 / 7, 0.0]))
    per_row.sum().backward()
    assert weight.grad is not None
    assert torch.equal(weight.grad, torch.ones(2, 3))


def test_pruning_drops_the_shortest_quarter_of_the_rows() -> None:
    weight = torch.tensor([[3.0, 0.0], [0.0, 0.1], [1.0, 1.0], [2.0, 0.0]])
    assert prune_mask(weight)[:, 0].tolist() == [1.0, 0.0, 1.0, 1.0]


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_muon_brings_all_singular_values_near_one(shape: tuple[int, int]) -> None:
    torch.manual_seed(0)
    values = torch.linalg.svdvals(orthogonalize(torch.randn(shape)))
    assert 0.6 < float(values.min()) <= float(values.max()) < 1.3
