"""The same certificate reaches a library, a process, a serial line and an emulated board."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import struct
import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cross_tools import require
from test_firmware_host import make

from workbench.certify import model_levels
from workbench.certify.level import Level
from workbench.certify.models import Models, Trace, changes, read_all
from workbench.certify.port import Port
from workbench.certify.reach import Reached
from workbench.certify.stream import Stream, command_stream
from workbench.main import main
from workbench.vectors.check import Misbehaved
from workbench.vectors.files import DEFAULT_GOLDEN as GOLDEN

MODEL_LEVELS = ("images", "block", "recursion", "Monte Carlo", "interruption")
SMALL = 'operators = ["requantize", "silu"]\nformats = ["w3c"]\n'


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    require("make", "gcc")
    folder = tmp_path_factory.mktemp("ports")
    make(folder, f"{folder}/responder", f"{folder}/librr_port.so")
    return folder


def certified(folder: Path, text: str, *options: str) -> tuple[int, dict[str, Any]]:
    (folder / "port.toml").write_text(f'name = "p"\n{text}')
    out = folder / "certificate.json"
    code = main(
        [
            "certify",
            str(folder / "port.toml"),
            "--out",
            str(out),
            "--requests",
            "3",
            "--calls",
            "200",
            "--images",
            "100",
            *options,
        ]
    )
    assert out.with_suffix(".html").exists()
    return code, json.loads(out.read_text())


def by_level(facts: dict[str, Any]) -> dict[str, str]:
    return {level["level"]: level["status"] for level in facts["levels"]}


@contextlib.contextmanager
def on_a_terminal(program: Path, folder: Path) -> Iterator[Path]:
    """The responder behind a pseudo-terminal; a link in ``folder`` names the other side."""
    ours, theirs = pty.openpty()
    link = folder / "line"
    link.symlink_to(os.ttyname(theirs))
    # Raw before the first byte: no echo, no signals.
    subprocess.run(["stty", "raw", "-echo"], stdin=theirs, check=True)
    process = subprocess.Popen([program], stdin=ours, stdout=ours)
    try:
        yield link
    finally:
        process.kill()
        process.wait()
        os.close(ours)
        os.close(theirs)


def test_a_library_and_a_process_pass_every_level(build: Path, tmp_path: Path) -> None:
    for reach in (f'library = "{build}/librr_port.so"', f'command = ["{build}/responder"]'):
        code, facts = certified(tmp_path, f"{reach}\n{SMALL}")
        assert code == 0, facts
        assert len(facts["levels"]) == 9
        assert set(by_level(facts).values()) == {"passed"}
        assert len(facts["sha256"]) == 1
        assert facts["declared"]["formats"] == ["w3c-a8-c16"]
        assert "w8c-a8-c16-single" in facts["not_declared"]["formats"]


def test_a_serial_line_passes_every_level(build: Path, tmp_path: Path) -> None:
    with on_a_terminal(build / "responder", tmp_path) as line:
        code, facts = certified(tmp_path, f'device = "{line}"\n{SMALL}')
    assert code == 0, facts
    assert facts["sha256"] == {}


@pytest.mark.cross
@pytest.mark.slow
@pytest.mark.parametrize(("port", "machine"), [("m7-dsp", "mps2-an500"), ("m55-mve", "mps3-an547")])
def test_an_emulated_board_passes_every_level_through_its_uart(
    port: str, machine: str, tmp_path: Path
) -> None:
    require("make", "arm-none-eabi-gcc", "qemu-system-arm")
    make(tmp_path, f"{tmp_path}/{port}.port")
    words = ["qemu-system-arm", "-machine", machine, "-display", "none", "-monitor", "none",
             "-serial", "stdio", "-semihosting-config", "enable=on,target=native",
             "-kernel", f"{port}.port"]  # fmt: skip
    code, facts = certified(
        tmp_path, f"command = {json.dumps(words)}\nstack_bytes = 8192\ntimeout_s = 120\n{SMALL}"
    )
    assert code == 0, facts
    (recursion,) = (level for level in facts["levels"] if level["level"] == "recursion")
    assert recursion["notes"][0].endswith("bytes used at most")


def test_operators_alone_leave_the_model_levels_not_computed_with_the_reason(
    build: Path, tmp_path: Path
) -> None:
    code, facts = certified(tmp_path, f'library = "{build}/librr_port.so"\noperators = ["silu"]\n')
    assert code == 0
    why = {level["level"]: level.get("why") for level in facts["levels"]}
    assert {why[name] for name in MODEL_LEVELS} == {"no formats are declared"}


def test_a_declared_stack_that_is_not_reported_is_not_green(build: Path, tmp_path: Path) -> None:
    code, facts = certified(tmp_path, f'command = ["{build}/responder"]\nstack_bytes = 100\n{SMALL}')
    assert code == 1
    assert by_level(facts)["recursion"] == "incomplete"


def traced(name: str) -> Trace:
    return next(trace for trace in read_all(GOLDEN) if trace.name == name)


def test_a_wrong_model_is_told_by_the_first_call_position_and_channel(build: Path) -> None:
    """The flash of the port gets another network's weights than the trace has."""
    port = Reached(Port("p", (), ("w6c-a8-c16",), library=build / "librr_port.so"), build)
    models, right, wrong = Models(port), traced("hrm-small-w6c"), traced("hrm-small-w3c")
    assert not isinstance(models.load(wrong.data), str)
    level = Level("recursion")
    model_levels.hold(level, models, right, GOLDEN)
    assert level.failures[0].startswith(
        "hrm-small-w6c state of call 0 (step 0, z_L) differs first, [position 0, ch"
    )


def test_a_port_that_loads_damaged_images_fails_the_interruption(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Reached(Port("p", (), ("w3c-a8-c16",), library=build / "librr_port.so"), build)
    trace, load = traced("hrm-small-w3c"), Models.load
    monkeypatch.setattr(Models, "load", lambda self, data: load(self, trace.data))
    level = model_levels.interruption(port, [trace], GOLDEN)
    assert level.wrong == model_levels.FLIPS
    assert "is loaded, not refused" in level.failures[0]


def test_a_port_that_loads_what_breaks_the_contract_or_runs_it_otherwise_fails_the_images(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = Reached(Port("p", (), ("w3c-a8-c16",), library=build / "librr_port.so"), build)
    trace, load, asked = traced("hrm-small-w3c"), Models.load, []
    assert model_levels.images(port, [trace], 60, lambda: asked.append(1)).status == "passed"
    assert len(asked) == 60
    monkeypatch.setattr(Models, "load", lambda self, data: load(self, trace.data))
    level = model_levels.images(port, [trace], 60, lambda: None)
    assert level.wrong >= level.refused > 30
    assert any("is loaded, but" in failure for failure in level.failures)


@pytest.mark.parametrize(("old", "new"), [(0, 900), (900, 900), (700, 900), (900, 700)])
def test_only_changed_pages_travel_and_the_flash_is_what_was_asked_for(old: int, new: int) -> None:
    rng = np.random.default_rng(old + new)
    before, after = rng.bytes(old), bytearray(rng.bytes(new))
    after[: min(old, 500)] = before[: min(old, 500)]
    flash, travelled = bytearray(before.ljust(new, b"x")), 0
    for at, chunk in changes(before, bytes(after), 300):
        assert len(chunk) <= 300
        flash[at : at + len(chunk)] = chunk
        travelled += len(chunk)
    assert flash[:new] == after
    assert travelled <= new - min(old, 256)


def test_block_differences_name_block_position_and_channel(
    build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    block = Models.block

    def off_by_one(self: Models, level: str, layer: int, h: Any) -> Any:
        out = block(self, level, layer, h)
        assert out is not None
        out[3, 5] += 1
        return out

    port = Reached(Port("p", (), ("w3c-a8-c16",), library=build / "librr_port.so"), build)
    monkeypatch.setattr(Models, "block", off_by_one)
    level = model_levels.block(port, [traced("hrm-small-w3c")])
    assert level.wrong == sum(level.cases.values()) == 12
    assert "L block 0 [position 3, channel 5]" in level.failures[0]


# --- what streams do ------------------------------------------------------------------------------------

PRELUDE = "import sys, struct, zlib\n" \
          "def reply(p): sys.stdout.buffer.write(b'RR' + struct.pack('<I', len(p)) + p + struct.pack('<I', " \
          "zlib.crc32(p))); sys.stdout.flush()\n"  # fmt: skip


def talking(program: str, timeout: float = 5) -> Stream:
    return command_stream(("python3", "-c", PRELUDE + program), Path.cwd(), timeout)


def test_what_a_device_says_before_its_frame_is_passed_over() -> None:
    stream = talking(
        "sys.stdout.buffer.write(b'boot R 1.0 ok\\r\\n')\nreply(b'\\0\\0\\0\\0')\nsys.stdin.read()"
    )
    assert stream.ask(b"\0\0\0\0") == bytes(4)
    stream.close()


def test_a_damaged_frame_is_asked_for_again() -> None:
    stream = talking("reply(b'\\3\\0\\0\\0')\nreply(b'good')\nsys.stdin.read()")
    assert stream.ask(b"\0\0\0\0") == b"good"
    stream.close()


@pytest.mark.parametrize(("program", "said"), [
    ("", "ended without an answer|is gone"), ("sys.stdin.read()", "did not answer in time"),
    ("for _ in range(9): reply(b'\\3\\0\\0\\0')\nsys.stdin.read()", "damaged on the way"),
    ("import os; os.write(1, b'RR' + b'\\xff' * 4); sys.stdin.read()", "announced a reply"),
])  # fmt: skip
def test_a_port_that_dies_or_is_silent_is_a_sentence(program: str, said: str) -> None:
    stream = talking(program, 1 if "in time" in said else 20)
    with pytest.raises(Misbehaved, match=said):
        stream.ask(b"\0\0\0\0")
    stream.close()


def test_the_responder_answers_damage_and_nonsense_without_dying(build: Path) -> None:
    """Frames of wrong CRC, wrong lengths and unknown kinds, then an honest question."""
    frames, rng = b"", np.random.default_rng(5)
    for n in range(300):
        payload = struct.pack("<i", n % 9) + rng.bytes(int(rng.integers(0, 200)))
        frames += (
            b"RR"
            + struct.pack("<I", len(payload))
            + payload
            + struct.pack("<I", zlib.crc32(payload) ^ (n % 7 == 0))
        )
    about = struct.pack("<i", 0)
    frames += b"noise" + b"RR" + struct.pack("<I", 4) + about + struct.pack("<I", zlib.crc32(about))
    done = subprocess.run([build / "responder"], input=frames, capture_output=True, timeout=60)
    assert done.returncode == 0
    assert done.stdout[-20:-4] == struct.pack("<4i", 0, 512 * 1024, 512 * 1024, 512 * 1024)
