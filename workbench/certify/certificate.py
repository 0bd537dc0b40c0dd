"""The certificate as data and as a page: what was declared, computed and found, and what was not."""

from __future__ import annotations

import html
from typing import Any

from refimpl import __version__
from workbench.certify.level import Level
from workbench.certify.port import Port
from workbench.vectors.signatures import ROUNDING_NAMES, SIGNATURES

SCHEMA = "refimpl.certificate/2"
SEED = "certificate 1"


def certificate(
    port: Port, formats: tuple[str, ...], levels: list[Level], count: int, digests: dict[str, str]
) -> dict[str, Any]:
    """The whole as data; ``passed`` only where at least one level is computed and all that are passed.

    ``formats`` are all that could have been declared; ``digests`` the SHA-256 of the files that were held.
    """
    computed = [level for level in levels if not level.why]
    known = {"operators": tuple(SIGNATURES), "formats": formats, "rules": ROUNDING_NAMES}
    declared = {"operators": port.operators, "formats": port.formats, "rules": port.rules}
    return {
        "schema": SCHEMA, "port": port.name, "reached_by": port.reached_by, "sha256": digests,
        "refimpl": __version__, "seed": SEED, "requests_an_operator": count,
        "declared": {kind: list(names) for kind, names in declared.items()},
        "not_declared": {kind: [n for n in known[kind] if n not in declared[kind]] for kind in known},
        "passed": bool(computed) and all(level.status == "passed" for level in computed),
        "levels": [level.facts() for level in levels],
    }  # fmt: skip


def verdict(facts: dict[str, Any]) -> str:
    """Passed or not, and how many levels were not computed."""
    left = sum(level["status"] == "not computed" for level in facts["levels"])
    return f"{'passed' if facts['passed'] else 'not passed'}, {left} levels not computed"


def line(level: dict[str, Any]) -> str:
    """One level in one line."""
    counts = (
        f"{sum(level['cases'].values()):,} cases, {level['refused']:,} refusals, {level['wrong']:,} wrong"
    )
    left = "".join(
        f", {level[key]:,} {said}"
        for key, said in (("not_served", "not served"), ("too_long", "too long for the port"))
        if level[key]
    )
    missing = level.get("why", ", ".join(level["not_computed"]))
    notes = "".join(f"; {note}" for note in level["notes"])
    tail = f"; not computed: {missing}" if missing else ""
    return f"{level['level']}: {level['status']}; {counts}{left}{notes}{tail}."


def as_html(facts: dict[str, Any]) -> str:
    """One page: a row a level, then what failed and what was not declared."""
    rows = "".join(
        f"<tr><td>{html.escape(v['level'])}</td><td>{v['status']}</td><td>{sum(v['cases'].values()):,}</td>"
        f"<td>{v['refused']:,}</td><td>{v['wrong']:,}</td><td>{v['not_served'] + v['too_long']:,}</td>"
        f"<td>{html.escape(v.get('why', ', '.join(v['not_computed'])))}</td>"
        f"<td>{html.escape('; '.join(v['notes']))}</td></tr>"
        for v in facts["levels"]
    )
    failures = "".join(
        f"<li><code>{html.escape(f)}</code></li>" for v in facts["levels"] for f in v["failures"]
    )
    undeclared = "".join(
        f"<p>Not declared, {kind}: {', '.join(names) or 'none'}.</p>"
        for kind, names in facts["not_declared"].items()
    )
    digests = "; ".join(f"{name} {digest}" for name, digest in facts["sha256"].items()) or "n/a"
    head = "<tr><th>level<th>status<th>cases<th>refused<th>wrong<th>not served<th>not computed<th>notes</tr>"
    title = f"{html.escape(facts['port'])}: {verdict(facts)}"
    return (
        f"<!doctype html><meta charset=utf-8><title>{title}</title><h1>{title}</h1>"
        f"<p>Reached by {html.escape(facts['reached_by'])}. SHA-256: {html.escape(digests)}. "
        f"refimpl {facts['refimpl']}, seed {facts['seed']}.</p><table border=1>{head}{rows}</table>"
        f"{undeclared}<ul>{failures}</ul>\n"
    )
