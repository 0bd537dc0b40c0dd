"""The images of a deployment: its own, and that of a stop rule's second program behind it in one memory."""

from __future__ import annotations

from collections.abc import Sequence

from refimpl.image import Image

IMAGE_ALIGN = 16


def aligned(end: int) -> int:
    """Where the next image may begin."""
    return -(-end // IMAGE_ALIGN) * IMAGE_ALIGN


def starts(images: Sequence[Image]) -> list[int]:
    """Where each image begins in the memory that holds them all."""
    found, end = [], 0
    for image in images:
        found.append(aligned(end))
        end = found[-1] + len(image.data)
    return found


def together(images: Sequence[Image]) -> bytes:
    """The bytes of that memory."""
    held = b""
    for start, image in zip(starts(images), images, strict=True):
        held += bytes(start - len(held)) + bytes(image.data)
    return held
