"""Codes found by looking at data lie beside the weights and are what a network is lowered with."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from refimpl.__main__ import main
from refimpl.errors import InputError
from refimpl.formats import parse_format
from refimpl.quantize.lower import lower
from workbench import codes
from workbench.content import content_key
from workbench.lab.rewrite import linears
from workbench.lab.second_order import CLIP_PUZZLES, input_moments, output_errors
from workbench.networks import Network, find_network
from workbench.tasks.sets import CALIBRATION_SEED, evaluation_set


@pytest.fixture
def network(tmp_path: Path) -> Network:
    folder = find_network("sudoku6-mlp").folder
    assert folder is not None
    shutil.copytree(folder, tmp_path / "copy")
    return find_network(str(tmp_path / "copy"))


def halved(network: Network, name: str) -> dict[str, codes.QuantizedWeights]:
    """Codes at half the scale, cut at the ends."""
    fmt = parse_format(name)
    found = {}
    for p in linears(network.float_model):
        weights = fmt.weights_at(p.name)
        scale = weights.quantize(p.weight).scale / 2
        near = np.clip(np.rint(p.weight / scale[:, None]), -weights.qmax, weights.qmax)
        found[p.name] = codes.QuantizedWeights(near.astype(np.int8), scale)
    return found


def test_a_network_is_lowered_with_the_codes_beside_it(network: Network) -> None:
    """Those of its own weight format, whatever activations and carry; others are rounded as ever."""
    assert network.folder is not None
    before = {name: network.image(name) for name in ("w4c", "w4c-a8-c8", "w8c", "w4c+lm_head=w8c")}
    codes.write(network.folder / codes.FILE, network.digest, {"w4c": halved(network, "w4c")})
    again = find_network(str(network.folder))
    rule = codes.rule_of(halved(network, "w4c"), "w4c")
    for name in ("w4c", "w4c-a8-c8"):
        assert again.image(name) != before[name]
        expected = lower(network.float_model, name, network.calibration, rule)
        ours = again.integer_model(name)
        for p, q in zip(linears(expected), linears(ours), strict=True):  # type: ignore[arg-type]
            assert (p.codes == q.codes).all()  # type: ignore[attr-defined]
            assert (p.multiplier == q.multiplier).all()  # type: ignore[attr-defined]
    for name in ("w8c", "w4c+lm_head=w8c"):
        assert again.image(name) == before[name]


def test_other_codes_are_another_measurement(network: Network) -> None:
    puzzles = evaluation_set(network.config, 2)
    found = halved(network, "w4c")
    changed = {**found, "lm_head": replace(found["lm_head"], codes=found["lm_head"].codes ^ np.int8(1))}
    networks = network, network.with_codes({"w4c": found}), network.with_codes({"w4c": changed})
    assert len({content_key(n, "w4c-a8-c16", n.config, puzzles) for n in networks}) == 3
    assert len({content_key(n, "w8c-a8-c16", n.config, puzzles) for n in networks}) == 1


def test_what_is_written_is_read(network: Network, tmp_path: Path) -> None:
    name = "w3c+lm_head=w8c"
    path = tmp_path / codes.FILE
    codes.write(path, network.digest, {name: halved(network, name)})
    found = codes.read(path, network.digest)
    assert codes.digest_of(found[name]) == codes.digest_of(halved(network, name))
    assert codes.weights_of(parse_format("w3c-a8d-c8-single+lm_head=w8c")) == name


@pytest.mark.parametrize(("change", "said"), [
    (lambda a: {**a, "weights": np.zeros(32, np.uint8)}, "belongs to other weights"),
    (lambda a: {**a, "w4c/lm_head/codes": a["w4c/lm_head/codes"].astype(np.int16)}, "not the codes"),
    (lambda a: {k: v for k, v in a.items() if k != "w4c/lm_head/scale"}, "not the codes"),
    (lambda a: {**a, "w4c/lm_head/scale": a["w4c/lm_head/scale"] * np.nan}, "not above 0"),
    (lambda a: {**a, "w4c/lm_head/scale": a["w4c/lm_head/scale"][1:]}, "one float64 a row"),
])  # fmt: skip
def test_wrong_codes_are_refused_with_the_place(network: Network, tmp_path: Path, change, said) -> None:
    path = tmp_path / codes.FILE
    codes.write(path, network.digest, {"w4c": halved(network, "w4c")})
    with codes.open_zip(path) as archive:
        arrays = codes.read_npz(archive, path)
    codes.write_arrays(path, change(arrays))
    with pytest.raises(InputError, match=said):
        codes.read(path, network.digest)


def test_codes_outside_the_format_are_refused(network: Network) -> None:
    found = halved(network, "w8c")
    with pytest.raises(InputError, match="outside w4c"):
        network.with_codes({"w4c": found}).integer_model("w4c")
    del found["lm_head"]
    with pytest.raises(InputError, match="lm_head"):
        network.with_codes({"w8c": found}).integer_model("w8c")


def test_calibrate_finds_codes_by_error_feedback_and_keeps_those_of_other_formats(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nearer to the float outputs than rounding to the nearest; a format without them is a sentence."""
    assert network.folder is not None
    codes.write(network.folder / codes.FILE, network.digest, {"w8c": halved(network, "w8c")})
    assert main(["calibrate", str(network.folder), "--codes", "w4c"]) == 0
    assert "codes of w8c, w4c." in capsys.readouterr().out
    found = find_network(str(network.folder))
    assert set(found.codes) == {"w8c", "w4c"}
    assert found.image("w4c") != found.with_codes({}).image("w4c")
    puzzles = evaluation_set(network.config, CLIP_PUZZLES, seed=CALIBRATION_SEED).inputs
    moments = input_moments(network.float_model, puzzles)
    for p in linears(network.float_model):
        one, plain = found.codes["w4c"][p.name], parse_format("w4c").weights.quantize(p.weight)
        near, far = (output_errors(p.weight, q.codes * q.scale[:, None], moments[p.name]).sum()
                     for q in (one, plain))  # fmt: skip
        assert near < far
    assert main(["calibrate", str(network.folder), "--codes", "w4g32"]) == 2
    assert "feedback calibration exists for" in capsys.readouterr().err
