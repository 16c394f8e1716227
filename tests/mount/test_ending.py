"""How a mount ends: unmounted, by a signal, by itself when idle; and what it does while nothing happens."""

from __future__ import annotations

import contextlib
import errno
import json
import mmap
import os
import random
import re
import select
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mount.daemon import COMPLAINT, WAIT_S, Daemon
from mount.programs import finish, line_of, python, tell
from mount.storages import mounted
from mount.users import LOOK_INSIDE, must_be_root
from wafs.fuse.mountinfo import find_mount
from wafs.units import MIB

if TYPE_CHECKING:
    from mount.bench import Bench

pytestmark = pytest.mark.mount

WORKER = """
import os, sys
os.chdir(sys.argv[1])
file = open(sys.argv[2], "w+b", buffering=0) if len(sys.argv) > 2 else None
print("there", flush=True)
sys.stdin.readline()
"""


def test_umount_returns_when_the_process_has_ended(bench: Bench, daemon: Daemon) -> None:
    (daemon.place / "file").write_text("kept")
    found = bench.wafs("umount", daemon.place)
    assert found.code == 0, found.text
    assert daemon.process.poll() == 0
    assert not daemon.mounted()
    again = bench.wafs("umount", daemon.place)
    assert again.code == 1
    assert "not a mounted vault" in again.text


@pytest.mark.parametrize("name", ["", "file"])
def test_umount_of_a_busy_mount_names_who_uses_it(bench: Bench, daemon: Daemon, name: str) -> None:
    worker = python(WORKER, daemon.place if not name else "/", *([daemon.place / name] if name else []))
    assert line_of(worker) == "there"
    found = bench.wafs("umount", daemon.place)
    assert found.code == 1, found.text
    assert str(worker.pid) in found.text
    assert daemon.mounted()
    (daemon.place / "goes on").write_text("x")
    tell(worker)
    finish(worker)
    assert bench.wafs("umount", daemon.place).code == 0
    assert daemon.ended() == 0


def test_a_lazy_umount_ends_with_its_last_user(bench: Bench, daemon: Daemon) -> None:
    worker = python(WORKER, "/", daemon.place / "file")
    assert line_of(worker) == "there"
    assert bench.wafs("umount", "--lazy", daemon.place).code == 0
    assert not daemon.mounted()
    assert daemon.process.poll() is None
    tell(worker)
    finish(worker)
    assert daemon.ended() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("busy", [False, True])
def test_a_signal_unmounts_and_loses_nothing(
    bench: Bench, daemon: Daemon, number: signal.Signals, *, busy: bool
) -> None:
    handle = os.open(daemon.place / "file", os.O_RDWR | os.O_CREAT)
    os.write(handle, b"x" * 100_000)
    if not busy:
        os.close(handle)
    assert daemon.signal(number) == 0
    assert not daemon.mounted()
    if busy:
        with pytest.raises(OSError, match="not connected"):
            os.write(handle, b"too late")
        # close(2) may say the same.
        with contextlib.suppress(OSError):
            os.close(handle)
    assert list(daemon.place.iterdir()) == []
    reader = bench.mount(daemon.vault, "--read-only", at=daemon.place)
    assert (reader.place / "file").read_bytes() == b"x" * 100_000


@pytest.mark.parametrize("waiting", [0, 118 * MIB])
def test_a_signal_takes_over_what_was_written_through_mmap(bench: Bench, daemon: Daemon, waiting: int) -> None:
    # More than the kernel sends at once: the last writes come while the daemon is about to stop. With nearly as much in
    # the journal as may wait there, they have to wait for a checkpoint.
    size, path = 24 * MIB, daemon.place / "file"
    path.write_bytes(bytes(size))
    other = daemon.place / "other"
    other.write_bytes(bytes(waiting))
    os.sync()
    content = random.Random(7).randbytes(size)
    handle = os.open(path, os.O_RDWR)
    with mmap.mmap(handle, size) as memory:
        with other.open("r+b") as file:
            file.write(bytes(waiting))
        memory[:] = content
        assert daemon.signal(signal.SIGTERM) == 0
    with contextlib.suppress(OSError):
        os.close(handle)
    again = bench.mount(daemon.vault, at=daemon.place)
    found = (again.place / "file").read_bytes()
    assert len(found) == size
    assert [at for at in range(0, size, 4096) if found[at : at + 4096] != content[at : at + 4096]] == []


def test_signals_during_writes_leave_whole_files(bench: Bench, daemon: Daemon) -> None:
    source = """
import os, sys
# The mount itself, and not the folder that is there when it has gone.
os.chdir(sys.argv[1])
number = 0
while True:
    with open(f"file-{number}", "wb", buffering=0) as file:
        file.write(bytes([number % 256]) * 50_000)
    print(number, flush=True)
    number += 1
"""
    writer = python(source, daemon.place)
    while line_of(writer) != "20":
        pass
    assert daemon.signal(signal.SIGTERM) == 0
    with writer:
        closed = 21 + len(writer.stdout.read().split()) if writer.stdout else 0
        writer.wait()
    again = bench.mount(daemon.vault, "--read-only", at=daemon.place)
    for number in range(closed):
        assert (again.place / f"file-{number}").read_bytes() == bytes([number % 256]) * 50_000
    for path in again.place.iterdir():
        data = path.read_bytes()
        assert data == data[:1] * len(data)


def test_a_signal_in_a_stream_keeps_what_its_writer_was_told_is_written(bench: Bench, daemon: Daemon) -> None:
    source = """
import os, sys
file, total = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), 0
try:
    while True:
        total += os.write(file, bytes([total // 50_000 % 256]) * 50_000)
        print(total, flush=True)
except OSError as error:
    print(total, error.strerror, flush=True)
"""
    writer = python(source, daemon.place / "file")
    while line_of(writer) != "1000000":
        pass
    assert daemon.signal(signal.SIGINT) == 0
    with writer:
        *_, last = writer.stdout.read().decode().splitlines() if writer.stdout else []
    total, told = last.split(maxsplit=1)
    assert told == os.strerror(errno.ENOTCONN)
    again = bench.mount(daemon.vault, "--read-only", at=daemon.place)
    with (again.place / "file").open("rb") as file:
        for start in range(0, int(total), 50_000):
            wanted = bytes([start // 50_000 % 256]) * min(50_000, int(total) - start)
            assert file.read(50_000) == wanted
        assert file.read() == b""


def test_an_idle_mount_unmounts_itself_and_a_used_one_does_not(bench: Bench) -> None:
    vaults = [bench.vault(bench.folder / name) for name in ("used", "listed", "idle")]
    # Each is in use before the next is made, which may take a second on a busy machine.
    used = bench.mount(vaults[0], "--idle", "1s", at="used-mnt")
    with (used.place / "file").open("wb", buffering=0) as file:
        listed = bench.mount(vaults[1], "--idle", "1s", at="listed-mnt")
        entered = python(WORKER, listed.place)
        assert line_of(entered) == "there"
        idle = bench.mount(vaults[2], "--idle", "1s", at="idle-mnt")
        (idle.place / "file").write_text("kept")
        assert idle.status()["idle_s"] == 1
        # The others were last used before this one, so their time is over when it ends.
        assert idle.ended() == 0
        assert not idle.mounted()
        assert used.mounted()
        assert listed.mounted()
        file.write(b"goes on")
    tell(entered)
    finish(entered)
    assert used.ended() == 0
    assert listed.ended() == 0
    with bench.vfs(idle.vault) as vfs:
        assert vfs.tree.lookup(1, b"file").attrs.size == 4


def test_a_mount_in_the_background(bench: Bench) -> None:
    vault, place, log = bench.vault(), bench.folder / "mnt", bench.folder / "log"
    place.mkdir()
    options = ("--password-file", bench.password_file, "--log-file", log)
    started = bench.wafs("mount", vault, place, *options)
    assert started.code == 0, started.text
    try:
        (place / "file").write_text("at once")
        status = json.loads(bench.wafs("status", "--json").text)
        (ours,) = [mount for mount in status if mount["mountpoint"] == str(place)]
        assert ours["vault"] == str(vault)
        assert ours["state"] == "mounted"
        assert ours["read_only"] is False
        assert "times" not in ours
        shown = bench.wafs("status", "--stats")
        assert re.search(r"^CREATE +1( +[\d,]+){4}$", shown.text, re.MULTILINE), shown.text
        counted = json.loads(bench.wafs("status", "--stats", "--json").text)
        (ours,) = [mount for mount in counted if mount["mountpoint"] == str(place)]
        assert ours["times"]["WRITE"]["count"] == 1
        assert ours["times"]["WRITE"]["mean_us"] <= ours["times"]["WRITE"]["max_us"]
        pid = ours["pid"]
        assert os.getsid(pid) == pid
        assert re.search(r"Max core file size +0 +0 ", Path(f"/proc/{pid}/limits").read_text())
    finally:
        ended = bench.wafs("umount", place)
    assert ended.code == 0, ended.text
    assert not Path(f"/proc/{pid}").exists() or Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z"
    assert not COMPLAINT.search(log.read_text()), log.read_text()
    assert "file" not in log.read_text().replace(str(log), "")
    assert log.stat().st_mode & 0o077 == 0


def test_a_mount_in_the_background_has_left_the_terminal(bench: Bench) -> None:
    must_be_root(LOOK_INSIDE)
    vault, place = bench.vault(), bench.folder / "mnt"
    place.mkdir()
    started = bench.wafs("mount", vault, place, "--password-file", bench.password_file)
    assert started.code == 0, started.text
    try:
        pid = json.loads(os.getxattr(place, "user.wafs.status"))["pid"]
        assert os.readlink(f"/proc/{pid}/cwd") == "/"
        assert {os.readlink(f"/proc/{pid}/fd/{number}") for number in range(3)} == {"/dev/null"}
    finally:
        ended = bench.wafs("umount", place)
    assert ended.code == 0, ended.text


def test_a_background_mount_that_fails_says_why(bench: Bench, daemon: Daemon) -> None:
    other = bench.folder / "other"
    other.mkdir()
    found = bench.wafs("mount", daemon.vault, other, "--password-file", bench.password_file)
    assert found.code == 6, found.text
    assert "in use" in found.text
    assert find_mount(other) is None


def test_status_of_a_dead_mount(bench: Bench, daemon: Daemon) -> None:
    daemon.kill()
    status = json.loads(bench.wafs("status", "--json").text)
    (ours,) = [mount for mount in status if mount["mountpoint"] == str(daemon.place)]
    assert ours["state"] == "dead"
    cleared = bench.wafs("umount", daemon.place)
    assert cleared.code == 0, cleared.text
    assert not daemon.mounted()


def test_a_mount_that_is_aborted_ends(daemon: Daemon) -> None:
    (daemon.place / "file").write_text("kept")
    found = find_mount(daemon.place)
    assert found is not None
    with mounted(daemon.place.parent / "control", "-t", "fusectl", "none") as control:
        (control / str(found.minor) / "abort").write_text("1")
    assert daemon.ended() == 0
    assert not daemon.mounted()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_while_it_mounts_leaves_no_mount(bench: Bench, number: signal.Signals) -> None:
    vault = bench.vault()
    for turn in range(4):
        (bench.folder / f"mnt-{turn}").mkdir()
        daemon = mounting(bench, vault, bench.folder / f"mnt-{turn}")
        assert daemon.signal(number) in (0, 1), daemon.text()
        assert not daemon.mounted()
        daemon.tolerate("ended before it answered")


def mounting(bench: Bench, vault: Path, place: Path) -> Daemon:
    """Start a mount and return as soon as the kernel shows it, whether it answers or not."""
    log = bench.folder / f"{place.name}.log"
    mounts = os.open("/proc/self/mountinfo", os.O_RDONLY)
    try:
        events = select.poll()
        events.register(mounts, select.POLLPRI)
        events.poll(0)
        with log.open("wb") as stream:
            process = subprocess.Popen(bench.mount_command(vault, place), stdout=stream, stderr=stream)
        daemon = Daemon(process, vault, place, log)
        bench.daemons.append(daemon)
        while not daemon.mounted():
            assert events.poll(WAIT_S * 1000)
        return daemon
    finally:
        os.close(mounts)


def test_many_signals_leave_no_mount(daemon: Daemon) -> None:
    (daemon.place / "file").write_text("kept")
    for _ in range(20):
        daemon.process.send_signal(signal.SIGTERM)
    daemon.ended()
    assert not daemon.mounted()


@pytest.mark.slow
def test_an_idle_daemon_uses_no_cpu(daemon: Daemon) -> None:
    (daemon.place / "file").write_text("x")
    (daemon.place / "file").read_text()

    def ticks() -> int:
        fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    requests = daemon.status()["requests"]
    before = ticks()
    # What is measured is an interval in which nothing happens; there is no event to wait for.
    time.sleep(2)
    assert ticks() - before <= 1
    # Only the two questions for the status, which come in one request or two each.
    assert daemon.status()["requests"] - requests <= 4
