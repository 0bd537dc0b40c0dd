"""Views of buffers whose shape and place C computes: what an array is to the other machines."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from mcusim.emit.expressions import Number, product


@dataclass(frozen=True)
class View:
    """Elements at ``pointer[offset + sum of index * stride]``; ``pointer`` is a C variable of ``dtype``."""

    pointer: str
    dtype: str
    shape: tuple[Number, ...]
    strides: tuple[Number, ...]
    offset: Number = 0

    @property
    def address(self) -> str:
        return self.pointer if self.offset == 0 else f"{self.pointer} + {self.offset}"

    def __getitem__(self, key: Any) -> View:
        keys = list(key) if isinstance(key, tuple) else [key]
        if keys[0] is Ellipsis:
            keys = [slice(None)] * (len(self.shape) - len(keys) + 1) + keys[1:]
        shape: list[Number] = []
        strides: list[Number] = []
        offset, axis = self.offset, 0
        for one in keys:
            if one is None:
                shape.append(1)
                strides.append(0)
                continue
            size, stride = self.shape[axis], self.strides[axis]
            axis += 1
            if isinstance(one, slice):
                start = 0 if one.start is None else one.start
                stop = size if one.stop is None else one.stop
                shape.append(stop - start)
                strides.append(stride)
                offset = offset + product(start, stride)
            else:
                offset = offset + product(one, stride)
        rest = self.shape[axis:], self.strides[axis:]
        return replace(self, shape=(*shape, *rest[0]), strides=(*strides, *rest[1]), offset=offset)

    def reshape(self, *shape: Number) -> View:
        """Axes split in two or more, or of size 1 put in between; none are joined."""
        strides: list[Number] = []
        wanted = list(shape)
        for size, stride in zip(self.shape, self.strides, strict=True):
            parts: list[Number] = []
            total: Number = 1
            while not parts or total != size:
                assert wanted, f"{self.shape} cannot become {shape}"
                parts.append(wanted.pop(0))
                total = product(total, parts[-1])
            inner: list[Number] = [stride]
            for part in reversed(parts[1:]):
                inner.insert(0, product(inner[0], part))
            strides += inner
        return replace(self, shape=shape, strides=tuple(strides))

    def transpose(self, *order: int) -> View:
        return replace(self, shape=tuple(self.shape[i] for i in order),
                       strides=tuple(self.strides[i] for i in order))  # fmt: skip

    def swapaxes(self, a: int, b: int) -> View:
        order = list(range(len(self.shape)))
        order[a], order[b] = order[b], order[a]
        return self.transpose(*order)

    def copy(self) -> View:
        """The values leave the arena at the end of the program, which reads them from here."""
        return self

    def __iter__(self) -> Iterator[View]:
        assert isinstance(self.shape[0], int)
        return (self[i] for i in range(self.shape[0]))


def whole(pointer: str, dtype: str, shape: tuple[int, ...]) -> View:
    """A buffer in C order."""
    strides = [1]
    for size in reversed(shape[1:]):
        strides.insert(0, strides[0] * size)
    return View(pointer, dtype, shape, tuple(strides))
