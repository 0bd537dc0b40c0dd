"""The certificate against many mutants: its requests are recorded once, with the answers it accepted.

Of a mutant only the changed file is compiled; it is linked behind ``held.c``, which asks the recorded
requests and stops at the first answer that the certificate would not take.  A crash kills a mutant as well,
and so does taking too long.
"""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mutants.equivalent import EQUIVALENT
from mutants.mechanical import MODELS, OPERATORS, Mutant
from mutants.planned import planned

from workbench.certify.cli import operator_levels, whole_levels
from workbench.certify.level import Level
from workbench.certify.models import read_all
from workbench.certify.port import Port
from workbench.certify.reach import OPERATOR, Reached, operator_request
from workbench.certify.reach import recorded as one
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.library import output_room
from workbench.vectors.signatures import SIGNATURES
from workbench.vectors.suites import read_suites

FIRMWARE = GOLDEN.parent / "firmware"
CERTIFY = FIRMWARE.parent / "workbench" / "certify"
HELD = FIRMWARE / "host" / "held.c"
INCLUDES = [f"-I{GOLDEN / 'c'}"]
ROOM = 4 * 2**20  # bytes of the longest request, as in held.c: more keys than are staged at once
FLAGS = ["-std=c99", "-w", "-DRR_PORT_MODEL", "-DRR_PORT_LIBRARY", f"-DRR_PORT_BYTES={ROOM}", *INCLUDES]
SOURCES = (*OPERATORS, *MODELS, "port_model")
CALLS, SMALL = 200, 40_000
SANITIZERS = ("gcc", "-O1 -fsanitize=address,undefined -fno-sanitize-recover=all")
OTHERS = (("gcc", "-O2"), ("gcc", "-O3"), ("clang", "-O2"))  # compilers that may see two texts as one
NONE, SURVIVED = "no mutant", "survived"


@dataclass
class Record:
    """Requests and the answers that were right, in order; of each the level that asked."""

    requests: list[bytes] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)
    levels: list[str] = field(default_factory=list)

    def write(self, path: Path, operators: bool = False) -> None:
        """The record as ``held.c`` reads it; ``operators`` leaves out what is asked of models."""
        pairs = zip(self.requests, self.replies, strict=True)
        kept = (pair for pair in pairs if not operators or pair[0][:4] == struct.pack("<i", OPERATOR))
        path.write_bytes(b"".join(one(*pair) for pair in kept))

    def about(self) -> list[str]:
        """Of each request: which level asks it, of which operator, with which flags."""
        flags, found = stored_flags(), []
        for request, level in zip(self.requests, self.levels, strict=True):
            kind = struct.unpack_from("<i", request)[0]
            what = request[4:36].rstrip(b"\0").decode() if kind == OPERATOR else f"request of kind {kind}"
            named = flags.get(request, ())
            found.append(f"{level}: {what}" + (f" ({', '.join(named)})" if named else ""))
        return found


@dataclass(frozen=True)
class Held:
    """The unchanged objects in ``folder``, with the record beside them; what each request is ``about``."""

    folder: Path
    about: list[str]

    @property
    def record(self) -> Path:
        return self.folder / "record"


def held(folder: Path, requests: int, images: int, models: bool = True) -> Held:
    """Build the unchanged firmware in ``folder`` and record its certificate, unless it lies there already."""
    folder.mkdir(exist_ok=True)
    about = folder / "about.json"
    words = ["gcc", "-std=gnu11", "-O1", *INCLUDES, "-c", str(HELD), "-o", str(folder / "held.o")]
    subprocess.run(words, check=True)
    mark = source_digest(requests, images, models)
    if about.exists() and (kept := json.loads(about.read_text()))["of"] == mark:
        return Held(folder, kept["about"])
    record = recorded(build(folder), requests, images, models)
    record.write(folder / "record")
    record.write(folder / "operators", operators=True)
    about.write_text(json.dumps({"of": mark, "about": record.about()}))
    return Held(folder, record.about())


def source_digest(*choices: object) -> str:
    """What a record depends on: the C, and what the certificate asks."""
    files = [*FIRMWARE.glob("src/*"), *GOLDEN.rglob("*.*"), *CERTIFY.glob("*.py")]
    digest = hashlib.sha256(repr(choices).encode())
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class Recorded(Reached):
    """A port whose answers are kept.  It is never ended in a call: the record is one stream."""

    def __init__(self, port: Port, folder: Path) -> None:
        self.record = Record()
        super().__init__(port, folder)

    def ask(self, payload: bytes, patience: float = 0) -> bytes:
        reply = super().ask(payload, patience)
        self.record.requests.append(payload)
        self.record.replies.append(reply)
        return reply

    @property
    def restarts(self) -> bool:
        return False


def stored_flags() -> dict[bytes, tuple[str, ...]]:
    """The flags of every stored case, by the request that asks for it."""
    found = {}
    for suite in read_suites(GOLDEN):
        for case in suite.cases():
            dtype, count = output_room(suite.signature, case.params)
            payload = operator_request(suite.name, case.inputs, case.params, count * dtype.itemsize)
            found[payload] = case.flags
    return found


def compiled(source: Path, target: Path, include: Path, compiler: tuple[str, str] = ("gcc", "-O1")) -> bool:
    """Whether it compiles."""
    command = [*" ".join(compiler).split(), *FLAGS, f"-I{include}", "-c", str(source), "-o", str(target)]
    return subprocess.run(command, capture_output=True).returncode == 0


def build(folder: Path) -> Path:
    """The responder of the unchanged firmware, and its objects, in ``folder``."""
    sources = [FIRMWARE / "src" / f"rr_{name}.c" for name in SOURCES]
    for source in (*sources, GOLDEN / "c" / "rr_port.c"):
        assert compiled(source, folder / f"{source.stem}.o", FIRMWARE / "src")
    # The responder over pipes has the stream that the library leaves out.
    stream = [str(GOLDEN / "c" / "rr_port.c"), str(FIRMWARE / "host" / "responder.c")]
    kept = [str(p) for p in folder.glob("rr_*.o") if p.stem != "rr_port"]
    flags = [flag for flag in FLAGS if flag != "-DRR_PORT_LIBRARY"]
    subprocess.run(["gcc", "-O1", *flags, "-o", str(folder / "responder"), *stream, *kept], check=True)
    return folder / "responder"


def recorded(program: Path, requests: int, images: int, models: bool = True) -> Record:
    """The certificate of the unchanged firmware, which must pass every level; of models, the small ones."""
    traces = [trace for trace in read_all(GOLDEN) if len(trace.data) <= SMALL] if models else []
    formats = tuple(dict.fromkeys(trace.format for trace in traces))
    port = Recorded(Port("unchanged", tuple(SIGNATURES), formats, command=(str(program),)), program.parent)

    def levels() -> Iterator[Level]:
        yield from operator_levels(port, tuple(SIGNATURES), requests, GOLDEN)
        if models:
            yield from whole_levels(port, traces, CALLS, GOLDEN, images)

    record = port.record
    try:
        record.levels = ["about"]
        for level in levels():
            assert level.status == "passed", level.facts()
            record.levels += [level.name] * (len(record.requests) - len(record.levels))
    finally:
        port.close()
    return record


def placed(mutant: Mutant, unchanged: Path, folder: Path) -> list[str]:
    """Lay the mutant's sources into ``folder``; the names of what has to be compiled."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    source = FIRMWARE / "src" / mutant.file
    names = [source.stem]
    if mutant.file.endswith(".h"):
        names = [p.stem for p in sorted(unchanged.glob("rr_*.o")) if p.stem != "rr_port"]
    for name in {p.name for p in source.parent.glob("*.h")} | {f"{name}.c" for name in names}:
        (folder / name).write_bytes((source.parent / name).read_bytes())
    (folder / mutant.file).write_text(mutant.applied(source.read_text()))
    return names


def same_for(compiler: tuple[str, str], names: list[str], unchanged: Path, folder: Path) -> bool:
    """Whether another compiler makes the same objects of what was placed and of the unchanged sources."""
    for name in names:
        kept = unchanged / f"{name}.{'-'.join(compiler)}"
        if not kept.exists():
            compiled(FIRMWARE / "src" / f"{name}.c", kept, FIRMWARE / "src", compiler)
        target = folder / f"{name}.other"
        compiled(folder / f"{name}.c", target, folder, compiler)
        if target.read_bytes() != kept.read_bytes():
            return False
    return True


def sanitized(changed: list[str], unchanged: Held, folder: Path) -> str:
    """What a port built with sanitizers says that answers do not show: a place read outside its array."""
    kept = unchanged.folder / "sanitized"
    if not kept.exists():
        kept.mkdir()
        for path in unchanged.folder.glob("rr_*.o"):
            source = (GOLDEN / "c" if path.stem == "rr_port" else FIRMWARE / "src") / f"{path.stem}.c"
            compiled(source, kept / path.name, FIRMWARE / "src", SANITIZERS)
    objects = [folder / f"{name}.sanitized" for name in changed]
    for target in objects:
        compiled(folder / f"{target.stem}.c", target, folder, SANITIZERS)
    others = [path for path in kept.glob("*.o") if path.stem not in changed]
    flags = SANITIZERS[1].split()
    held = ["gcc", "-std=gnu11", *flags, *INCLUDES, "-x", "c", str(HELD), "-x", "none"]
    linked = [str(path) for path in (*objects, *others)]
    subprocess.run([*held, *linked, "-o", str(folder / "watched")], check=True)
    words = [folder / "watched", unchanged.folder / "operators"]
    done = subprocess.run(words, capture_output=True, text=True)
    found = re.search(r"runtime error: .*|ERROR: AddressSanitizer: \S+", done.stderr)
    return f"killed, sanitized: {found[0]}" if found else ""


def outcome(mutant: Mutant, unchanged: Held, folder: Path) -> str:
    """``no mutant`` (does not compile, or to the same object), ``killed ...`` or ``survived``."""
    names = placed(mutant, unchanged.folder, folder)
    if not all(compiled(folder / f"{name}.c", folder / f"{name}.o", folder) for name in names):
        return f"{NONE}: does not compile"
    pairs = ((folder / f"{name}.o", unchanged.folder / f"{name}.o") for name in names)
    changed = [made.stem for made, before in pairs if made.read_bytes() != before.read_bytes()]
    if not changed:
        return f"{NONE}: compiles to the same object"
    kept = [str(p) for p in unchanged.folder.glob("*.o") if p.stem not in changed]
    objects = [str(folder / f"{name}.o") for name in changed]
    subprocess.run(["gcc", "-o", str(folder / "held"), *objects, *kept], check=True)
    done = subprocess.run([folder / "held", unchanged.record], stdout=subprocess.PIPE, text=True)
    if done.returncode < 0:
        return f"killed: ends by signal {-done.returncode}"
    if not done.stdout.startswith("all"):
        how = {0: "killed", 3: "killed, too slow", 4: "killed, crashes"}[done.returncode]
        number = int(done.stdout)  # a mutant that writes anywhere may have changed it
        return f"{how}: {unchanged.about[number] if number < len(unchanged.about) else 'writes anywhere'}"
    return SURVIVED


def judged(mutant: Mutant, unchanged: Held, folder: Path) -> str:
    """A survivor seen by other compilers, which may see no mutant, by sanitizers and by a planned program."""
    names = placed(mutant, unchanged.folder, folder)
    if any(same_for(other, names, unchanged.folder, folder) for other in OTHERS):
        return f"{NONE}: compiles to the same object when optimized"
    return sanitized(names, unchanged, folder) or planned(mutant) or SURVIVED


def summary(taken: dict[str, str]) -> str:
    """Of what is compiled and not equivalent, how much is killed, and how much of that by a flagged case."""
    compiled = {key: text for key, text in taken.items() if not text.startswith(NONE)}
    killed = [text for text in compiled.values() if text != SURVIVED]
    equivalent = sum(text == SURVIVED and key in EQUIVALENT for key, text in compiled.items())
    flagged = sum(text.endswith(")") and not text.endswith("(Typical)") for text in killed)
    held = len(compiled) - equivalent
    return (f"{len(compiled)} compiled mutants, {equivalent} equivalent, {len(killed)} of {held} killed "
            f"({100 * len(killed) / max(held, 1):.1f} %), {flagged} of these by a case whose flags say "
            f"more than Typical ({100 * flagged / max(len(killed), 1):.1f} %)")  # fmt: skip
