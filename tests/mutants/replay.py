"""The certificate against many mutants: its requests are recorded once, with the answers it accepted.

A mutant is linked behind the responder and fed the whole record; it is killed by the first answer that the
certificate would not take (arena, stack and wording are its own affair), by a crash, or by taking too long.
"""

from __future__ import annotations

import struct
import subprocess
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from mutants.mechanical import MODELS, OPERATORS, Mutant

from workbench.certify.cli import operator_levels, whole_levels
from workbench.certify.models import read_all
from workbench.certify.port import Port
from workbench.certify.reach import LOAD, OPERATOR, SOLVE, Reached
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN
from workbench.vectors.signatures import SIGNATURES

FIRMWARE = GOLDEN.parent / "firmware"
FLAGS = ["-std=c99", "-O1", "-w", "-DRR_PORT_MODEL", f"-I{GOLDEN / 'c'}"]
PORT = ("port_model",)
TOO_LONG_S, CALLS = 120, 200


@dataclass
class Record:
    """Requests and the answers that were right, in order."""

    requests: list[bytes] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)

    def parts(self) -> tuple[Record, Record]:
        """Requests of operators, and those of models: each alone is an order that a port may meet."""
        parts = Record(), Record()
        for request, reply in zip(self.requests, self.replies, strict=True):
            part = parts[struct.unpack_from("<i", request)[0] != OPERATOR]
            part.requests.append(request)
            part.replies.append(reply)
        return parts

    @property
    def stream(self) -> bytes:
        frame = b"RR%s%s%s"
        return b"".join(
            frame % (struct.pack("<I", len(p)), p, struct.pack("<I", zlib.crc32(p))) for p in self.requests
        )

    def first_wrong(self, answered: bytes) -> int:
        """Number of the first answer that the certificate would not take; -1 if it takes all."""
        at = 0
        for number, (request, right) in enumerate(zip(self.requests, self.replies, strict=True)):
            (length,) = struct.unpack_from("<I", answered, at + 2) if at + 6 <= len(answered) else (2**31,)
            reply = answered[at + 6 : at + 6 + length]
            if at + 10 + length > len(answered) or judged(request, reply) != judged(request, right):
                return number
            at += 10 + length
        return -1


def judged(request: bytes, reply: bytes) -> bytes:
    """What of a reply the certificate looks at."""
    kind = struct.unpack_from("<i", request)[0]
    if kind == OPERATOR:  # what stands behind a refusal is nothing
        return reply if reply[:4] == bytes(4) else reply[:4]
    if kind == LOAD:
        return reply[:4] if reply[:4] != bytes(4) else reply[:12]
    return reply[:12] + reply[20:] if kind == SOLVE else reply


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


def compiled(source: Path, target: Path, include: Path) -> bool:
    """Whether it compiles."""
    command = ["gcc", *FLAGS, f"-I{include}", "-c", source, "-o", target]
    return subprocess.run(command, capture_output=True).returncode == 0


def build(folder: Path) -> Path:
    """The responder of the unchanged firmware, and its objects, in ``folder``."""
    folder.mkdir(exist_ok=True)
    sources = [
        FIRMWARE / "src" / f"rr_{name}.c" for name in (*OPERATORS, "dot_dsp", "dot_mve", *MODELS, *PORT)
    ]
    for source in (*sources, FIRMWARE / "host" / "responder.c", GOLDEN / "c" / "rr_port.c"):
        assert compiled(source, folder / f"{source.stem}.o", FIRMWARE / "src")
    subprocess.run(["gcc", "-o", folder / "responder", *folder.glob("*.o")], check=True)
    return folder / "responder"


def recorded(program: Path, requests: int, images: int) -> Record:
    """The certificate of the unchanged firmware, which must pass every level."""
    traces = read_all(GOLDEN)
    formats = tuple(dict.fromkeys(trace.format for trace in traces))
    port = Recorded(Port("unchanged", tuple(SIGNATURES), formats, command=(str(program),)), program.parent)
    try:
        for level in (*operator_levels(port, tuple(SIGNATURES), requests, GOLDEN),
                      *whole_levels(port, traces, CALLS, GOLDEN, images)):  # fmt: skip
            assert level.status == "passed", level.facts()
    finally:
        port.close()
    return port.record


def outcome(mutant: Mutant, unchanged: Path, folder: Path, records: dict[bytes, Record]) -> str:
    """``no mutant`` (does not compile, or to the same object), ``killed ...`` or ``survived``."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    source = FIRMWARE / "src" / mutant.file
    (folder / mutant.file).write_text(mutant.applied(source.read_text()))
    header = mutant.file.endswith(".h")
    changed = [p.stem for p in unchanged.glob("rr_*.o") if p.stem != "rr_port"] if header else [source.stem]
    others = {p.name for p in source.parent.glob("*.h")} | {f"{name}.c" for name in changed}
    for name in others - {mutant.file}:
        (folder / name).write_text((source.parent / name).read_text())
    if not all(compiled(folder / f"{name}.c", folder / f"{name}.o", folder) for name in changed):
        return "no mutant: does not compile"
    if all((folder / f"{name}.o").read_bytes() == (unchanged / f"{name}.o").read_bytes() for name in changed):
        return "no mutant: compiles to the same object"
    kept = [p for p in unchanged.glob("*.o") if p.stem not in changed]
    subprocess.run(["gcc", "-o", folder / "responder", *folder.glob("*.o"), *kept], check=True)
    for stream, record in records.items():
        if found := _killed(folder / "responder", stream, record):
            return found
    return "survived"


def _killed(program: Path, stream: bytes, record: Record) -> str:
    """What kills a mutant, or nothing."""
    try:
        done = subprocess.run([program], input=stream, stdout=subprocess.PIPE, timeout=TOO_LONG_S)
    except subprocess.TimeoutExpired:
        return "killed: takes too long"
    wrong = record.first_wrong(done.stdout)
    if wrong >= 0:
        request = record.requests[wrong]
        kind = struct.unpack_from("<i", request)[0]
        what = request[4:36].rstrip(b"\0").decode() if kind == OPERATOR else f"request of kind {kind}"
        return f"killed: {what}, answer {wrong:,}" + (f", exit {done.returncode}" if done.returncode else "")
    return ""
