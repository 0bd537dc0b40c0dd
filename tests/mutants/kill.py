"""The certificate against mechanical mutants, resumable: ``python tests/mutants/kill.py COUNT RESULTS``."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutants.mechanical import all_mutants, sample
from mutants.replay import build, outcome, recorded

REQUESTS, IMAGES = 200, 800


def main() -> None:
    """Take mutants in their drawn order until COUNT of them are such; append one line each."""
    wanted, results = int(sys.argv[1]), Path(sys.argv[2])
    rows = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    done = {row["name"] for row in rows}
    held = sum(not row["outcome"].startswith("no mutant") for row in rows)
    with tempfile.TemporaryDirectory() as name, results.open("a") as out:
        folder = Path(name)
        record = recorded(build(folder / "unchanged"), REQUESTS, IMAGES)
        records = {part.stream: part for part in record.parts()}
        print(f"{len(record.requests):,} requests, {sum(map(len, records)):,} bytes", flush=True)
        for mutant in sample(everything := all_mutants(), len(everything)):
            if held >= wanted:
                break
            if mutant.name in done:
                continue
            found = outcome(mutant, folder / "unchanged", folder / "mutant", records)
            held += not found.startswith("no mutant")
            row = {"name": mutant.name, "key": mutant.key, "outcome": found}
            out.write(json.dumps(row) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
