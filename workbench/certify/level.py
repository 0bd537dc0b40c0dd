"""One level of a certificate: what was computed, what was not, what came out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

SHOWN = 3  # failures told of one operator or trace


@dataclass
class Level:
    """``cases`` by operator or trace, ``uncomputed`` names without one, ``why`` there is none at all."""

    name: str
    cases: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    not_served: int = 0
    too_long: int = 0
    wrong: int = 0
    failures: list[str] = field(default_factory=list)
    uncomputed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    why: str = ""

    @property
    def status(self) -> str:
        """``passed`` only where everything declared has a computed case."""
        if self.why:
            return "not computed"
        if self.wrong:
            return "failed"
        return "passed" if self.cases and not self.uncomputed else "incomplete"

    def facts(self) -> dict[str, Any]:
        return {"level": self.name, "status": self.status, "cases": self.cases, "refused": self.refused,
                "not_served": self.not_served, "too_long": self.too_long, "wrong": self.wrong,
                "failures": self.failures, "not_computed": self.uncomputed, "notes": self.notes,
                **({"why": self.why} if self.why else {})}  # fmt: skip

    def count(self, name: str, cases: int = 1) -> None:
        self.cases[name] = self.cases.get(name, 0) + cases

    def fail(self, name: str, failure: str) -> None:
        """Count a wrong case; the first of each name are told."""
        self.wrong += 1
        if sum(f.startswith(f"{name} ") for f in self.failures) < SHOWN:
            self.failures.append(f"{name} {failure}")

    def close(self, names: Iterable[str]) -> Level:
        self.uncomputed = [name for name in names if not self.cases.get(name)]
        return self
