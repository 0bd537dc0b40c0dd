"""Mechanical mutants of the C: one token of one line changed, by rules that know nothing of the code.

Operators, comparisons, constants off by one, shifts, signs, casts and saturations.  A mutant that does not
compile, or compiles to the same object, is none.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.vectors.draws import Draws

SOURCES = Path(__file__).resolve().parents[2] / "firmware" / "src"
OPERATORS = ("fixed", "rescale", "elementwise", "change", "linear", "stage", "dot_plain", "block_linear",
             "norm", "softmax", "attention", "embed")  # fmt: skip
MODELS = ("image", "model", "bounds", "activations", "block", "heads", "run", "monte_carlo")
HEADERS = ("fixed", "rescale", "norm")
SEED = "mechanical mutants 1"

TOKEN = re.compile(
    r"'.'|\"[^\"]*\"|\(u?int\d+_t\)|0[xX][0-9A-Fa-f]+u?|\b\d+u?\b|<<=|>>=|<<|>>|<=|>=|==|!=|&&|\|\||\+\+|--|->"
    r"|\+=|-=|\*=|INT32_MAX|INT32_MIN|[+\-*/%<>&|^!?]"
)
FUNCTION = re.compile(r"(?:[\w*]+ )+\*?(\w+)\(")
SWAPS = {
    "+": ("-",), "-": ("+",), "/": ("*",), "%": ("/",), "^": ("&",), "|": ("&",),
    "&&": ("||",), "||": ("&&",),
    "<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
    "<<": (">>",), ">>": ("<<",), "+=": ("-=",), "-=": ("+=",), "++": ("--",),
    "INT32_MAX": ("INT32_MIN",), "INT32_MIN": ("INT32_MAX",), "(int64_t)": ("(int32_t)",),
    "(uint64_t)": ("(uint32_t)",),
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """Line ``line`` (from 1) of ``file``, in function ``within``, with the token at ``column`` replaced."""

    file: str
    line: int
    column: int
    find: str
    replace: str
    text: str
    within: str = ""

    @property
    def name(self) -> str:
        return f"{self.file}:{self.line}:{self.column} {self.find} -> {self.replace or 'nothing'}"

    @property
    def key(self) -> str:
        """The same after lines moved: the function, and the changed line itself."""
        start = self.column - (len(self.text) - len(self.text.lstrip()))
        return f"{self.file}: {self.within}: {self.text.strip()[:start]}[{self.find} -> {self.replace}]" \
               f"{self.text.strip()[start + len(self.find):]}"  # fmt: skip

    def applied(self, source: str) -> str:
        lines = source.split("\n")
        text = lines[self.line - 1]
        lines[self.line - 1] = text[: self.column] + self.replace + text[self.column + len(self.find) :]
        return "\n".join(lines)


def _numbers(token: str) -> tuple[str, ...]:
    """A constant one more and one less; hexadecimal ones with their lowest bit the other way."""
    bare, suffix = token.rstrip("u"), "u" if token.endswith("u") else ""
    value = int(bare, 0)
    if bare[:2].lower() == "0x":
        return (f"0x{value ^ 1:X}{suffix}",)
    return tuple(f"{v}{suffix}" for v in (value + 1, value - 1) if v >= 0)


def mutants_of(file: str) -> Iterator[Mutant]:
    """Every mutant of one file, in order."""
    source = re.sub(
        r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), (SOURCES / file).read_text(), flags=re.S
    )
    within, seen = "", Counter[str]()
    for number, (text, shown) in enumerate(
        zip(source.split("\n"), (SOURCES / file).read_text().split("\n"), strict=True), 1
    ):
        if head := FUNCTION.match(text):
            within = head[1]
        seen[f"{within} {text}"] += 1
        again = seen[f"{within} {text}"]  # a line may stand twice in a function
        place = within if again == 1 else f"{within} ({again})"
        if text.lstrip().startswith(("#", "typedef", 'return "')):
            continue
        for match in TOKEN.finditer(text):
            token, column = match[0], match.start()
            pointer = token == "*" and not re.search(r"[\w)\]] $", text[:column])
            changes = _numbers(token) if token[0].isdigit() else SWAPS.get(token, ())
            changes = (
                ("+",) if token == "*" and not pointer and text[column + 1 : column + 2] == " " else changes
            )
            for change in changes:
                yield Mutant(file, number, column, token, change, shown, place)


def all_mutants(
    names: tuple[str, ...] = (*OPERATORS, *MODELS), headers: tuple[str, ...] = HEADERS
) -> list[Mutant]:
    """Of the sources and headers named."""
    files = [f"rr_{name}.c" for name in names] + [f"rr_{name}.h" for name in headers]
    return [mutant for file in files for mutant in mutants_of(file)]


def sample(mutants: list[Mutant], count: int, seed: str = SEED) -> list[Mutant]:
    """``count`` of them, drawn without order; the same for the same source."""
    keys = Draws(seed).bits(len(mutants)).tolist()
    return [mutant for _, mutant in sorted(zip(keys, mutants, strict=True), key=lambda pair: pair[0])[:count]]


def arithmetic() -> list[Mutant]:
    """Of everything that computes: operators, and the headers with rules."""
    return all_mutants(OPERATORS, HEADERS)
