"""The certificate against mechanical mutants of the arithmetic, resumable.

``python tests/mutants/kill.py COUNT RESULTS FOLDER`` takes mutants in their drawn order until COUNT of them
are such; RESULTS gets a line each, FOLDER keeps the recorded certificate.  ``--seconds`` ends it in time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from mutants.equivalent import EQUIVALENT
from mutants.mechanical import arithmetic, sample
from mutants.replay import NONE, SURVIVED, held, judged, outcome, summary

REQUESTS, IMAGES = 1000, 60


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("count", type=int)
    parser.add_argument("results", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="end after so many")
    args = parser.parse_args()
    end = time.monotonic() + args.seconds
    rows = map(json.loads, args.results.read_text().splitlines()) if args.results.exists() else ()
    done = {row["key"]: row["outcome"] for row in rows}
    args.folder.mkdir(parents=True, exist_ok=True)
    record = held(args.folder / "unchanged", REQUESTS, IMAGES)
    taken: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as name, args.results.open("a") as out:
        for mutant in sample(everything := arithmetic(), len(everything)):
            if sum(not text.startswith(NONE) for text in taken.values()) >= args.count:
                break
            if mutant.key not in done:
                if time.monotonic() > end:
                    break
                done[mutant.key] = outcome(mutant, record, Path(name))
                out.write(json.dumps({"key": mutant.key, "outcome": done[mutant.key]}) + "\n")
                out.flush()
            taken[mutant.key] = done[mutant.key]
        for mutant in everything:  # a later line of RESULTS goes before an earlier one
            if taken.get(mutant.key) == SURVIVED and mutant.key not in EQUIVALENT:
                taken[mutant.key] = judged(mutant, record, Path(name))
                out.write(json.dumps({"key": mutant.key, "outcome": taken[mutant.key]}) + "\n")
                out.flush()
    left = [key for key, text in taken.items() if text == SURVIVED and key not in EQUIVALENT]
    print(summary(taken), *left, sep="\n")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
