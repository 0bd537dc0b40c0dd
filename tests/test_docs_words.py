"""What is written by hand stays short, and every link between documents leads somewhere."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

ROOT = Path(__file__).resolve().parents[1]
MOST_WORDS = 14_000
# Each says by which command.
PRINTED = ("docs/engines.md", "docs/validation.md", "results/tables/", "results/trust/")
LINK = re.compile(r"!?\[[^\]]*\]\(([^()\s]+)\)")


@cache
def documents() -> tuple[str, ...]:
    """Every Markdown file that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return tuple(name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file())


def written_by_hand() -> list[str]:
    """All but what a command prints, and the changelog, which only grows."""
    return [name for name in documents() if not name.startswith(("CHANGELOG.md", *PRINTED))]


def prose(text: str) -> str:
    """The text without its code, where brackets and parentheses are no links."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def anchors(text: str) -> set[str]:
    """The names of a page's headings as GitHub makes them: lower case, no marks, hyphens for spaces."""
    code_away = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} +(.+?) *$", code_away, re.MULTILINE):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        name = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        again = (f"{name}-{i}" for i in range(1, 1000))
        found.add(name if name not in found else next(one for one in again if one not in found))
    return found


def broken(name: str, text: str) -> list[str]:
    """Targets of relative links of document ``name`` that lead to no file, or to no heading of one."""
    wrong = []
    for target in LINK.findall(prose(text)):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        path, _, anchor = unquote(target).partition("#")
        file = (ROOT / name).parent / path if path else ROOT / name
        inside = file.resolve().is_relative_to(ROOT) and file.exists()
        page = text if not path else file.read_text(encoding="utf-8") if file.is_file() and anchor else ""
        if not inside or (anchor and anchor not in anchors(page)):
            wrong.append(target)
    return wrong


def test_documents_written_by_hand_have_fewer_than_14000_words() -> None:
    words = {name: len((ROOT / name).read_text(encoding="utf-8").split()) for name in written_by_hand()}
    assert len(words) >= 20
    longest = sorted(words.items(), key=lambda item: -item[1])[:5]
    assert sum(words.values()) < MOST_WORDS, longest


def test_every_relative_link_leads_to_a_file_and_a_heading() -> None:
    wrong = {name: broken(name, (ROOT / name).read_text(encoding="utf-8")) for name in documents()}
    assert not {name: targets for name, targets in wrong.items() if targets}


def test_wrong_links_are_found() -> None:
    text = "# A, b: c!\n[in](#a-b-c) [web](https://x.org/y) ![p](docs/run.svg) `[no](link)` [up](/etc)\n"
    assert broken("README.md", text) == ["/etc"]
    assert broken("README.md", text + "[a](#b) [c](docs/no.md) [d](docs/spec.md#1-numbers)") == [
        "/etc",
        "#b",
        "docs/no.md",
    ]
    assert anchors("## 4. Blocks and `x_y`\n## Try\n## Try\n") == {"4-blocks-and-x_y", "try", "try-1"}
