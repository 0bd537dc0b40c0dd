"""Calibrations compared: published absmax, clip search, error feedback, clipped activations."""

from __future__ import annotations

from refimpl import fast
from refimpl.quantize.lower import lower
from workbench.fidelity import Reading
from workbench.lab.cell import Choice, puzzle_set
from workbench.lab.second_order import CLIP_PUZZLES, Method, clipped_activations, input_moments, rule
from workbench.lab.sensitivity import compare_programs
from workbench.lab.variant import network
from workbench.render.grid import Grid
from workbench.sites import calibrate
from workbench.tasks.sets import calibration_set

METHODS: tuple[Method, ...] = ("minmax", "clip", "feedback")


def calibrations_tables(name: str, formats: list[str], choice: Choice) -> list[Grid]:
    """Integer-exact accuracy under each calibration, carry int16; one table a weight format."""
    found, chosen = network(name), puzzle_set(name, choice)
    calibrated_on = calibration_set(found.config)
    tokens = calibrated_on.inputs[:CLIP_PUZZLES]
    absmax = calibrate(found.float_model, calibrated_on.inputs, source=calibrated_on.origin)
    moments = input_moments(found.float_model, tokens)
    clipped = clipped_activations(found.float_model, tokens, absmax)
    tables = []
    for weights in formats:
        programs = {}
        for method in METHODS:
            for label, calibration in (("absmax", absmax), ("clipped", clipped)):
                model = lower(found.float_model, weights, calibration, rule=rule(method, moments))
                programs[f"{weights}, weights {method}, activations {label}"] = Reading(fast, model)
        title = (
            f"{name}: {weights} calibrated on {CLIP_PUZZLES} puzzles, static int8 activations "
            "(integer-exact)"
        )
        tables.append(compare_programs(title, found.float_model, programs, chosen, "against the first row"))
    return tables
