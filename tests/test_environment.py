"""Full disks, closed pipes, plain terminals: a command ends with one sentence, or works."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from refimpl.errors import InputError
from workbench.files.inputs import read_bytes
from workbench.files.outputs import replacing, write_file

ROOT = Path(__file__).resolve().parents[1]
CHEAP = "-m refimpl models trm-att-arc"
pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and devices of POSIX")


FAULTS = [
    (f"@py {CHEAP} > /dev/full", 2, "No space left on device"),
    (f"@py {CHEAP} --format json --out /dev/full", 2, "/dev/full cannot be written: No space"),
    (f"@py {CHEAP} --format json --out .", 2, "is a folder; name the file"),
    (f"@py {CHEAP} --format json --out missing/x", 2, "cannot be written: No such file"),
    (f"@py {CHEAP} --format json --out $(printf 'x%.0s' $(seq 300))", 2, "File name too long"),
    ("mkfifo p; @py -m refimpl report p", 2, "is a pipe; it must be an ordinary file"),
    ("mkfifo p; @py -m refimpl quantize sudoku6-mlp p", 2, "p cannot be written"),
    ("@py -m refimpl report /dev/zero", 2, "is a device; it must be an ordinary file"),
    ("@py -m refimpl report .", 2, "is a folder; it must be an ordinary file"),
    ("mkdir g; cd g; rmdir ../g; @py -m refimpl quantize sudoku6-mlp x", 2, "x cannot be written"),
    (f"@py {CHEAP} --steps 1000000000", 2, "has more than nine digits"),
    (f"@py {CHEAP} --steps 999999999", 2, "from 1 to 10,000"),
    ("@py -m refimpl evaluate sudoku6-mlp --puzzles 2 --threads 0", 2, "--threads is 0"),
    ("@py -m refimpl evaluate sudoku6-mlp --puzzles 999999999", 2, "at most 1,000,000"),
    ("@py -m refimpl show maze --row 999999999", 2, "10,000 is the last"),
    ("@py -m refimpl embeddings make t --seed -1", 2, "seeds from 0"),
    (f"@py {CHEAP} >&-", 0, ""),
    (f"@py {CHEAP} >&- 2>&-", 0, ""),
    (f"PYTHONIOENCODING=ascii @py {CHEAP}", 0, ""),
    (f"PYTHONIOENCODING=latin-1 @py {CHEAP}", 0, ""),
    (f"@py {CHEAP} --format json --out /dev/null", 0, ""),
    (f"touch f; @py {CHEAP} --format json --out f/x", 2, "f/x cannot be written: Not a directory"),
    (f"ln -s a b; ln -s b a; @py {CHEAP} --format json --out a", 2, "a cannot be written: Too many levels"),
    ("ln -s a b; ln -s b a; @py -m refimpl report a", 2, "a cannot be read: Too many levels"),
    ("@py -m refimpl report missing", 2, "missing cannot be read: No such file"),
    ("touch f; @py -m refimpl report f/x", 2, "f/x cannot be read: Not a directory"),
    (f"ulimit -f 0; @py {CHEAP} --format json --out x", 2, "the system refuses"),
    (f"env -u HOME @py {CHEAP}", 0, ""),
    (f"HOME=/proc/none TMPDIR=/proc/none @py {CHEAP}", 0, ""),
    (f"LC_ALL=C TERM=dumb COLUMNS=1 @py {CHEAP}", 0, ""),
    (f"@py {CHEAP} <&-", 0, ""),
    (f"mkdir d; cd d; rmdir ../d; @py {CHEAP}", 0, ""),
]


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a shell line in which ``@py`` is this Python."""
    text = line.replace("@py", sys.executable)
    return subprocess.run(["bash", "-c", text], capture_output=True, timeout=60, cwd=folder, text=True,
                          encoding="latin-1", env={**os.environ, "PYTHONPATH": str(ROOT)})  # fmt: skip


@pytest.mark.parametrize(("line", "code", "sentence"), FAULTS)
def test_a_hostile_environment_gets_one_sentence(line: str, code: int, sentence: str, tmp_path: Path) -> None:
    done = shell(line, tmp_path)
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    assert sentence in done.stderr
    assert len(done.stderr.splitlines()) <= (5 if "usage" in done.stderr else 1)


def test_they_are_at_least_thirty_faults() -> None:
    assert len({line for line, _, _ in FAULTS}) == len(FAULTS) >= 30


def test_a_closed_pipe_ends_a_command_quietly(tmp_path: Path) -> None:
    done = shell(f"@py {CHEAP} --format json | true; echo ${{PIPESTATUS[0]}}", tmp_path)
    assert done.stdout.strip() in ("0", "141")  # 0 where everything was written before the pipe closed
    assert done.stderr == ""


def test_a_terminal_without_box_characters_gets_plain_ones(tmp_path: Path) -> None:
    done = shell(f"PYTHONIOENCODING=ascii @py {CHEAP}", tmp_path)
    assert "---" in done.stdout
    assert "?" not in done.stdout


def test_a_device_is_written_in_place_and_stays_a_device(tmp_path: Path) -> None:
    write_file(Path("/dev/null"), "x")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_a_pipe_that_is_read_is_written_in_place(tmp_path: Path) -> None:
    pipe, found = tmp_path / "pipe", list[bytes]()
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: found.append(pipe.read_bytes()))
    reader.start()
    for _ in range(1000):
        try:
            write_file(pipe, b"x" * 300_000)
            break
        except InputError:  # the reader has not opened its end yet
            threading.Event().wait(0.01)
    reader.join(10)
    assert found == [b"x" * 300_000]
    assert stat.S_ISFIFO(os.stat(pipe).st_mode)


def test_a_link_is_followed_and_permissions_stay(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_file(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_failure_in_the_middle_leaves_the_old_file_alone(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_a_name_that_no_system_has_is_refused() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(Path("a\0b"))
    with pytest.raises(InputError, match="names no file"):
        write_file(Path("a\0b"), b"")


WRITER = """
import sys
from pathlib import Path
from workbench.files.outputs import write_file
while True:
    write_file(Path(sys.argv[1]), bytes([int(sys.argv[2])]) * 200_000)
"""


@pytest.mark.slow
def test_200_kills_and_8_writers_leave_whole_files_and_nothing_else(tmp_path: Path) -> None:
    path, environment = tmp_path / "x", {**os.environ, "PYTHONPATH": str(ROOT)}
    path.write_bytes(b"\0" * 200_000)
    command = [sys.executable, "-c", WRITER, str(path)]
    writers = [subprocess.Popen([*command, str(k)], env=environment) for k in range(8)]
    for kill in range(200):
        threading.Event().wait(0.02 if kill > 8 else 0.3)
        for _ in range(5):
            content = path.read_bytes()
            assert len(content) == 200_000
            assert len(set(content)) == 1
        writers[kill % 8].send_signal(signal.SIGKILL)
        writers[kill % 8].wait()
        if kill < 192:
            writers[kill % 8] = subprocess.Popen([*command, str(kill % 8)], env=environment)
    write_file(path, b"end")  # clears what a kill between the last two steps of a writer left
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
