"""A part: named memory regions, a core and a clock, read from TOML with the origin of each number."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from mcusim.catalogue import entries, entry
from mcusim.cores import Core, load_core
from mcusim.figures import Figure, Span, weakest
from mcusim.flash import ACCESSES, FlashInterface
from mcusim.silicon import clock
from mcusim.toml_checks import Table
from mcusim.units import parse_bytes, parse_hertz, parse_rate
from refimpl.errors import InputError

MemoryKind = Literal["sram", "nvm", "flash", "psram"]
# What a region may hold: the arena (carry, states, scratch), the flash image (weights, scales,
# tables), rows read one at a time (embeddings), program code.
Purpose = Literal["arena", "image", "rows", "code"]
MEMORY_KINDS: tuple[MemoryKind, ...] = get_args(MemoryKind)
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)


@dataclass(frozen=True)
class Region:
    """One memory.  ``read`` is bytes a second; ``interface`` is set when the memory is external.

    ``bytes`` are those that can be used: the size less what an erratum makes ``unusable``.  ``figures``
    are the numbers as the file states them, name -> figure.  ``nanojoules_per_byte`` is an external memory's;
    what one on the chip takes is in the energy of the core's cycles, which was measured on whole boards.
    """

    name: str
    kind: MemoryKind
    purposes: tuple[Purpose, ...]
    bytes: int
    read: float
    interface: FlashInterface | None
    nanojoules_per_byte: float
    figures: dict[str, Figure]

    @property
    def external(self) -> bool:
        """Whether the memory is a chip of its own behind a bus."""
        return self.interface is not None

    @property
    def stalls(self) -> bool:
        """Whether the core itself loads from it and waits: non-volatile memory without a DMA in front."""
        return self.kind in ("nvm", "flash") and (self.interface is None or self.interface.access == "xip")

    def time_s(self, count: int) -> float:
        """Seconds to read ``count`` consecutive bytes."""
        return count / self.read if self.interface is None else self.interface.time_s(count)

    def bursts(self, count: int) -> int:
        """Bursts of such a read; an internal memory has none."""
        return 0 if self.interface is None else self.interface.bursts(count)


@dataclass(frozen=True)
class RunCurrent:
    """What the data sheet has for the running core alone: ``current`` in uA/MHz, which is the picocoulombs of
    a cycle, and the ``supply`` in volts."""

    current: Figure
    supply: Figure

    @property
    def picojoules(self) -> float:
        """The energy of a cycle."""
        return self.current.value * self.supply.value


@dataclass(frozen=True)
class Silicon:
    """A published measurement on the real chip, to stand beside our estimate."""

    name: str
    cycles_per_mac: Figure


@dataclass(frozen=True)
class Part:
    """A device the simulator can run on.

    ``code_allowance`` is the code of a port where no build for the part's core was measured, ``run_current``
    None where no data sheet was read.
    """

    name: str
    title: str
    core: Core
    clock: Figure
    run_current: RunCurrent | None
    code_allowance: Figure | None
    regions: tuple[Region, ...]
    silicon: tuple[Silicon, ...]
    path: Path

    @property
    def clock_hz(self) -> float:
        return self.clock.value

    @property
    def picojoules_per_cycle(self) -> Span:
        """By the run current and the boards of ``silicon.toml``; the core's own where there is none."""
        if self.run_current is None:
            return self.core.picojoules_per_cycle
        run, boards = self.run_current, clock().by_data_sheet
        low, high = (float(f"{end:.3g}") for end in boards.span(run.picojoules))
        source = (f"{run.current.value:g} uA/MHz x {run.supply.value:g} V x {boards.middle:.2f} "
                  f"(boards over data sheets) within a factor of {boards.factor:.2f}: docs/validation.md")
        fitted = Span(low, high, "fitted", source)
        return replace(fitted, basis=weakest((fitted, run.current, run.supply)).basis)

    def region(self, purpose: Purpose, size: int = 0) -> Region:
        """The first region for ``purpose`` that has ``size`` bytes, or else its largest."""
        return _first([region for region in self.regions if purpose in region.purposes], size)

    def code_region(self, size: int) -> Region:
        """Where ``size`` bytes of program stand: memory that keeps them without power goes first."""
        able = [region for region in self.regions if "code" in region.purposes]
        return _first([region for region in able if region.kind != "sram"] or able, size)

    def data_region(self, size: int) -> Region:
        """Where ``size`` bytes of statics and stack stand: the fastest internal SRAM with room for them."""
        able = [region for region in self.regions if "arena" in region.purposes and region.kind == "sram"]
        able = able or [region for region in self.regions if "arena" in region.purposes]
        return _first(sorted(able, key=lambda region: -region.read), size)

    def internal(self) -> Part | None:
        """The part without its external memories; None where the others have no place for image, code or
        arena."""
        regions = tuple(region for region in self.regions if not region.external)
        held = {purpose for region in regions for purpose in region.purposes}
        return replace(self, regions=regions) if held >= {"arena", "image", "code"} else None

    def named_figures(self) -> Iterator[tuple[str, Figure | Span]]:
        """Every number that a report about this part rests on, with its name."""
        yield "clock", self.clock
        if self.run_current is not None:
            yield "run current, uA/MHz", self.run_current.current
            yield "supply, V", self.run_current.supply
        for region in self.regions:
            for name, figure in region.figures.items():
                yield f"{region.name} {name}", figure
        yield from self.core.named_figures()
        yield "pJ a cycle", self.picojoules_per_cycle

    def figures(self) -> Iterator[Figure | Span]:
        """The same without names."""
        for _, figure in self.named_figures():
            yield figure


def _first(candidates: list[Region], size: int) -> Region:
    """The first with ``size`` bytes, or else the largest."""
    fitting = [region for region in candidates if region.bytes >= size]
    return fitting[0] if fitting else max(candidates, key=lambda region: region.bytes)


def part_names(data: Path | None = None) -> list[str]:
    """Return the names of all parts, a user's included."""
    return list(entries("part", data))


def load_part(name: str, data: Path | None = None) -> Part:
    """Read the part called ``name``.

    Raises
    ------
    InputError
        For an unknown name, or a wrong key, unit, basis or missing source in its file, with the line.
    """
    table = entry("part", name, data)
    core = table.text("core")
    try:
        loaded_core = load_core(core, data)
    except InputError as error:
        if core in entries("core", data):
            raise
        raise table.error(str(error), "core") from error
    regions = tuple(_region(row) for row in table.tables("memory"))
    for purpose in PURPOSES:
        if not any(purpose in region.purposes for region in regions):
            raise table.error(f"no memory lists {purpose!r} in its holds, so a part has nowhere to put it.")
    names = [region.name for region in regions]
    if len(set(names)) != len(names):
        raise table.error(f"two memories share a name among {', '.join(names)}.", "memory")
    rows = table.tables("silicon") if table.has("silicon") else []
    part = Part(
        name=name,
        title=table.text("title"),
        core=loaded_core,
        clock=table.figure("clock", parse_hertz),
        run_current=_run_current(table),
        code_allowance=table.figure("code_allowance", parse_bytes) if table.has("code_allowance") else None,
        regions=regions,
        silicon=tuple(_silicon(row) for row in rows),
        path=table.path,
    )
    table.finish()
    return part


def _run_current(table: Table) -> RunCurrent | None:
    keys = {"microamperes_per_megahertz": (1, 10_000), "supply_volts": (0.5, 6)}
    stated = [key for key in keys if table.has(key)]
    if len(stated) == 1:
        raise table.error(f"{' and '.join(keys)} go together; there is only {stated[0]}.", stated[0])
    for key in stated:
        (low, high), value = keys[key], table.figure(key).value
        if not low <= value <= high:
            raise table.error(f"{key} is {value:g}; it must be from {low:g} to {high:,}.", key)
    return RunCurrent(*map(table.figure, keys)) if stated else None


def _region(row: Table) -> Region:
    figures = {"size": row.figure("size", parse_bytes)}
    if row.has("unusable"):
        figures["unusable"] = row.figure("unusable", parse_bytes)
        if figures["unusable"].count >= figures["size"].count:
            raise row.error(f"{row.label('unusable')} leaves nothing of the memory's size.", "unusable")
    interface = None
    if row.has("interface") == row.has("read"):
        either = f"{row.label('read')} or {row.label('interface')}"
        raise row.error(f"{either} is needed, one of the two: a rate for an internal memory, "
                        "a bus for an external one.", "read")
    if row.has("interface"):
        interface, more = _interface(row.table("interface"))
        figures |= more
        figures["energy"] = row.figure("nanojoules_per_byte")
    else:
        figures["read"] = row.figure("read", parse_rate)
    region = Region(
        name=row.text("name"),
        kind=row.choice("kind", MEMORY_KINDS),
        purposes=row.texts("holds", PURPOSES),
        bytes=figures["size"].count - (figures["unusable"].count if "unusable" in figures else 0),
        read=figures["read"].value if interface is None else interface.peak,
        interface=interface,
        nanojoules_per_byte=0.0 if interface is None else figures["energy"].value,
        figures=figures,
    )
    row.finish()
    return region


def _interface(row: Table) -> tuple[FlashInterface, dict[str, Figure]]:
    figures = {
        "clock": row.figure("clock", parse_hertz),
        "lanes": row.count("lanes"),
        "edges": row.count("edges"),
        "overhead_clocks": row.count("overhead_clocks"),
        "burst": row.figure("burst", parse_bytes),
    }
    for key, allowed in (("lanes", (1, 2, 4, 8, 16)), ("edges", (1, 2))):
        if figures[key].count not in allowed:
            raise row.error(f"{row.label(key)} is {figures[key].count}; it must be one of "
                            f"{', '.join(map(str, allowed))}.", key)
    interface = FlashInterface(
        clock_hz=figures["clock"].value,
        lanes=figures["lanes"].count,
        edges=figures["edges"].count,
        overhead_clocks=figures["overhead_clocks"].count,
        burst_bytes=figures["burst"].count,
        access=row.choice("access", ACCESSES),
    )
    row.finish()
    return interface, figures


def _silicon(row: Table) -> Silicon:
    measurement = Silicon(row.text("name"), row.figure("cycles_per_mac"))
    row.finish()
    return measurement
