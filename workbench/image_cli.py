"""The command ``image``: whether flash images keep every rule that the C port asks of them."""

from __future__ import annotations

import argparse
from pathlib import Path

from refimpl.errors import InputError
from refimpl.image import Image
from refimpl.model_image import from_image, read_meta
from refimpl.models.tree import Model
from refimpl.quantize.bounds import prove
from workbench.command_line import examples
from workbench.files.inputs import read_bytes
from workbench.limits import beyond


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=["verify"], help="read images as a device would")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="flash images (.rrim)")
    examples(parser, "verify out.rrim", "verify golden/recursion/sudoku9-mlp-w4c.rrim")


def accepted(image: Image) -> Model:
    """The model of an image that a device takes; raises InputError with the rule that it breaks."""
    model = from_image(image)
    if reasons := beyond(model.config, "C"):
        raise InputError(f"{image.where}: {reasons[0]}.")
    return model


def verified(data: bytes, where: str) -> str:
    """One line about a sound image."""
    image = Image(data, where)
    model = accepted(image)
    bounds, meta = prove(model), read_meta(image)
    near = max(bounds, key=lambda bound: bound.largest / bound.limit)
    share = 100 * near.largest / near.limit
    return (f"{where}: sound. {meta.network}, {meta.format}: {len(data):,} bytes in {len(image.entries)} "
            f"sections, {len(bounds)} bounds proved, the nearest {share:.3g} % of its register "
            f"({near.site}: {near.what}).")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Verify each file; the first unsound one ends the command."""
    for path in args.files:
        print(verified(read_bytes(path, "the flash image"), str(path)))
    return 0
