"""Ranges and row scales are those of the least squared error, not the first or the widest."""

from __future__ import annotations

import numpy as np

from refimpl.formats import parse_weights
from refimpl.formats.symmetric import Symmetric
from workbench.api import load, puzzles_of
from workbench.lab.second_order import CLIPS, clipped_activations, nearest, output_errors, search
from workbench.sites import calibrate


def test_a_row_takes_the_scale_whose_codes_leave_the_least_output_error() -> None:
    """One value of 3 on an input that hardly speaks, 31 of at most 1: the best scale cuts it off."""
    fmt = parse_weights("w4c")
    assert isinstance(fmt, Symmetric)
    w = np.random.default_rng(0).uniform(-1, 1, (4, 32))
    w[:, 0] = 3.0
    moment = np.diag(np.array([0.001, *[1.0] * 31]))
    found = search(w, fmt, moment, nearest)
    errors = []
    for clip in CLIPS:
        scale = np.full(4, 3.0 / 7 * clip)
        errors.append(output_errors(w, nearest(w, scale, 7, moment) * scale[:, None], moment))
    best = np.array(CLIPS)[np.argmin(errors, axis=0)]
    assert (best < 0.6).all()
    np.testing.assert_allclose(found.scale, 3.0 / 7 * best, rtol=1e-12)


def test_activation_ranges_are_cut_where_that_lessens_the_error_and_states_are_not() -> None:
    network = load("sudoku6-mlp")
    model, tokens = network.float_model.with_depth(steps=2), puzzles_of(network, count=2).inputs
    whole = calibrate(model, tokens)
    cut = clipped_activations(model, tokens, whole)
    shares = {site: cut.absmax[site] / peak for site, peak in whole.absmax.items() if peak}
    assert min(shares.values()) < 0.9
    assert {round(share, 2) for share in shares.values()} <= set(CLIPS)
    assert {share for site, share in shares.items() if site.endswith(".norm")} == {1.0}
