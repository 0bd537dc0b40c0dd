"""One account of bytes: what the simulator charges for an image is ``len(image)``, weights or shapes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mcusim.deployments import DEFAULT_DEPLOYMENT, load_deployment
from mcusim.footprint import footprint
from refimpl.errors import DoesNotFit
from refimpl.formats import parse_format
from refimpl.image import Image
from refimpl.model_image import ImageMeta, read_meta, to_image
from workbench.checkpoints import list_networks
from workbench.image_shapes import image_size, shape_tree
from workbench.networks import find_network, image_bytes_of
from workbench.presets import PRESETS

# Every family of weights at every stored width, every activation format, both carries, both roundings.
FORMATS = (
    "w8c", "w8t-single", "w7c-c8", "w6c-a16", "w5c-a4", "w4c", "w4t-c8", "w3c-a8d", "w2c", "ternary-a8p16",
    "w4a", "w4an-c8", "w4g32", "w8g7-a8d-c8", "w3g128", "mxint4-amx", "mxint4-a8d-c8",
    "w4c+lm_head=w8c+q_head=w4g32", "w4g16s",
)  # fmt: skip
META = ImageMeta("shapes", "as told", "seeded", "none", False)


@pytest.mark.parametrize("name", list_networks())
def test_the_footprint_is_the_length_of_the_image_in_every_format(name: str) -> None:
    network = find_network(name).with_puzzle_row(0)  # a deployment has the one row of its puzzle
    deployment = load_deployment(DEFAULT_DEPLOYMENT)
    written = 0
    for text in FORMATS:
        try:
            image = network.image(text)
        except DoesNotFit:  # an accumulator that its register cannot be proved to hold
            continue
        written += 1
        asked = replace(deployment, model=name, format=parse_format(text))
        assert footprint(asked, network).image == len(image), text
        assert image_bytes_of(network, asked.format) == len(image), text
        assert read_meta(Image(image)).format == str(parse_format(text))
    assert written >= 12


@pytest.mark.parametrize(("text", "bits"), [("w8c", 8), ("w6c", 6), ("w4c", 4), ("w3c", 3), ("ternary", 2)])
def test_codes_take_the_bytes_of_their_width(text: str, bits: int) -> None:
    entries = Image(find_network("sudoku6-mlp").image(text)).entries
    rows, inner = entries["L.0.mlp.down/codes"].shape[:2]
    assert (rows, inner) == (96, 256)
    assert entries["L.0.mlp.down/codes"].size == 96 * 256 * bits // 8


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_shapes_of_paper_size_give_the_length_of_the_image_they_write(name: str) -> None:
    config = replace(PRESETS[name], num_puzzle_identifiers=1)
    for text in ("w4c", "w3c-c8", "ternary", "w4g32-a8d", "mxint4-amx", "w4an", "w8c-a16-c8"):
        format = parse_format(text)
        assert image_size(config, format, META) == len(to_image(shape_tree(config, format), META)), text
