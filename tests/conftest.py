"""Test bench: hypothesis profiles, the mount gate, and the sweep for what a run left behind."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["log_police"]

FUSE_DEVICE = Path("/dev/fuse")

# What is ignored here would be ignored by every command that a test starts and interrupts: workers, jobs in the
# background and nohup ignore some.
signal.signal(signal.SIGINT, signal.default_int_handler)
for _number in (signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM):
    signal.signal(_number, signal.SIG_DFL)

# Every process started by a test inherits this, a daemon that has left its parent included.
RUN_MARK = f"WAFS_TEST_RUN={uuid.uuid4()}"
LEAVE_TIME_S = 5.0

_SLOW_MACHINE = [HealthCheck.too_slow]
settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, suppress_health_check=_SLOW_MACHINE)
settings.register_profile("night", max_examples=5000, deadline=None, suppress_health_check=_SLOW_MACHINE)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))


def why_no_mounts() -> str | None:
    """Say why nothing can be mounted here, or None if it can."""
    try:
        os.close(os.open(FUSE_DEVICE, os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        return f"cannot open {FUSE_DEVICE}: {error.strerror}"
    if os.geteuid() != 0 and shutil.which("fusermount3") is None:
        return "fusermount3 is missing (apt install fuse3) and only root can mount without it"
    return None


def pytest_report_header() -> str:
    reason = why_no_mounts()
    return f"mount tests: skipped, {reason}" if reason else "mount tests: run"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip mount tests where nothing can be mounted; else have one process run all of them, one after the other.

    A mount and its client keep two processors busy by themselves; the other processes run what computes.
    """
    reason = why_no_mounts()
    mark = pytest.mark.skip(reason=reason) if reason is not None else pytest.mark.xdist_group("mount")
    for item in items:
        if item.get_closest_marker("mount"):
            item.add_marker(mark)


def wafs_mounts(under: Path) -> set[str]:
    """Mountpoints of type fuse.wafs at or below `under`; others on the machine are not ours."""
    found = set()
    for line in Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape").splitlines():
        fields, _, tail = line.partition(" - ")
        mountpoint = fields.split(" ")[4]
        if tail.startswith("fuse.wafs ") and f"{mountpoint}/".startswith(f"{under}/"):
            found.add(mountpoint)
    return found


def our_processes() -> dict[int, str]:
    """Processes of this run other than this one, marked or forked from it: pid -> command line."""
    children = " ".join(p.read_text() for p in Path("/proc/self/task").glob("*/children")).split()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = RUN_MARK.encode() in (folder / "environ").read_bytes()
            if folder.name == str(os.getpid()) or not (marked or folder.name in children):
                continue
            command = (folder / "cmdline").read_text(errors="replace").replace("\0", " ")
        except OSError:  # ended between two reads, or somebody else's
            continue
        if command and "multiprocessing.resource_tracker" not in command:
            found[int(folder.name)] = command.strip()
    return found


def leftovers(threads_before: set[threading.Thread], root: Path) -> list[str]:
    """What is still there, each as one line; empty when the run was clean."""
    threads = [t for t in threading.enumerate() if t not in threads_before and t.is_alive()]
    return [
        *(f"thread left behind: {thread.name}" for thread in threads),
        *(f"process left behind: {pid} {cmd}" for pid, cmd in sorted(our_processes().items())),
        *(f"mount left behind: {mountpoint}" for mountpoint in sorted(wafs_mounts(root))),
    ]


@pytest.fixture(scope="session", autouse=True)
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail the run if a mount, a thread or a process outlives it.

    All temporary files of the run, those of its processes included, are put below one folder: by
    that the mounts of this run are told apart from those of a neighbour.
    """
    root = tmp_path_factory.mktemp("run").resolve()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(root))
        patch.setattr(tempfile, "tempdir", str(root))
        patch.setenv(*RUN_MARK.split("=", 1))
        before = set(threading.enumerate())
        yield
        # What is ending may take a moment to end; only what stays is a leftover.
        deadline = time.monotonic() + LEAVE_TIME_S
        base = tmp_path_factory.getbasetemp().resolve()
        while (left := leftovers(before, base)) and time.monotonic() < deadline:
            time.sleep(0.05)
        if left:
            pytest.fail("\n".join(left), pytrace=False)
