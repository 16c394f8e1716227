"""Daemon: `wafs mount --foreground` as a process of its own, from the mount to the end of the process."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wafs.errors import MountError
from wafs.fuse import mountpoint
from wafs.fuse.mountinfo import FSTYPE, find_mount

if TYPE_CHECKING:
    from pathlib import Path

WAIT_S = 30.0
"""How long an event may take on a busy machine before a test gives up on it."""

WAFS = (sys.executable, "-m", "wafs")
COMPLAINT = re.compile(r"(?i)\b(warning|error|critical|traceback)\b")


@dataclass
class Daemon:
    """One running mount; its log is what it writes to standard error."""

    process: subprocess.Popen[bytes]
    vault: Path
    place: Path
    log: Path
    announced: list[str] = field(default_factory=list)
    tolerated: list[str] = field(default_factory=list)

    @property
    def pid(self) -> int:
        """The process that serves."""
        return self.process.pid

    def expect(self, pattern: str) -> None:
        """Announce that a complaint that matches `pattern` is logged before the end."""
        self.announced.append(pattern)

    def tolerate(self, pattern: str) -> None:
        """Announce that complaints that match `pattern` may be logged."""
        self.tolerated.append(pattern)

    def status(self) -> dict[str, Any]:
        """What the mount tells of itself."""
        found: dict[str, Any] = json.loads(os.getxattr(self.place, "user.wafs.status"))
        return found

    def unmount(self) -> None:
        """Unmount as a person does, and see the process end well."""
        mountpoint.unmount(self.place)
        assert self.ended() == 0, self.text()

    def kill(self) -> None:
        """End the process at once, as the kernel does when memory runs out; the dead mount stays."""
        self.process.kill()
        self.ended()

    def signal(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end and return the exit code."""
        return self.process.wait(WAIT_S)

    def mounted(self) -> bool:
        """Tell whether a vault is mounted on the place, without asking it."""
        found = find_mount(self.place)
        return found is not None and found.fstype == FSTYPE

    def text(self) -> str:
        """The log so far."""
        return self.log.read_text("utf-8", "replace")

    def complaints(self) -> list[str]:
        """What was logged without being announced, and what was announced in vain."""
        lines = [line for line in self.text().splitlines() if COMPLAINT.search(line)]
        expected = [*self.announced, *self.tolerated]
        surprises = [f"daemon: {line}" for line in lines if not any(re.search(p, line) for p in expected)]
        missing = [
            f"announced but not logged: {pattern}"
            for pattern in self.announced
            if not any(re.search(pattern, line) for line in lines)
        ]
        return surprises + missing

    def clean_up(self) -> None:
        """End whatever is left, by force if need be."""
        if self.mounted():
            try:
                mountpoint.unmount(self.place)
            except MountError:
                mountpoint.unmount(self.place, lazy=True)
        try:
            self.process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(command: list[str], vault: Path, place: Path, log: Path) -> Daemon:
    """Start a mount and return when it answers; fails with the log if it does not."""
    with log.open("wb") as stream:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stream, stderr=stream)
    daemon = Daemon(process, vault, place, log)
    if not _answers(daemon):
        process.kill()
        daemon.clean_up()
        message = f"not mounted, exit code {process.returncode}:\n{daemon.text()}"
        raise AssertionError(message)
    return daemon


def _answers(daemon: Daemon) -> bool:
    """Wait until the mount answers or the process ends; the kernel tells of either."""
    ended = os.pidfd_open(daemon.pid)
    mounts = os.open("/proc/self/mountinfo", os.O_RDONLY)
    try:
        events = select.poll()
        events.register(ended, select.POLLIN)
        events.register(mounts, select.POLLPRI)
        deadline = time.monotonic() + WAIT_S
        while daemon.process.poll() is None and time.monotonic() < deadline:
            if daemon.mounted() and _is_alive(daemon):
                return True
            events.poll(WAIT_S * 1000)
        return False
    finally:
        os.close(mounts)
        os.close(ended)


def _is_alive(daemon: Daemon) -> bool:
    """Tell whether this is the mount of the process, not a dead one from before; waits for the answer to INIT."""
    try:
        return bool(daemon.status()["pid"] == daemon.pid)
    except PermissionError:
        # Another user's mount: not even root is let in.
        return True
    except OSError:
        return False
