"""Mount: put an open vault on a mountpoint and serve it until it is unmounted."""

import gc
import logging
import os
import resource
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from wafs.errors import MountError
from wafs.fs.commits import CommitTimer
from wafs.fs.vfs import Vfs
from wafs.fuse import mountpoint
from wafs.fuse.channel import Channel
from wafs.fuse.cpu_latency import CpuLatency
from wafs.fuse.linux.front_end import Status, handlers_of, last_handlers
from wafs.fuse.mountinfo import FSTYPE, MountInfo, find_mount
from wafs.fuse.pruner import Pruner
from wafs.fuse.session import Session
from wafs.fuse.tally import Tally

READ_AHEAD_KIB: Final = 1024
"""One request of the largest size ahead of a sequential reader, where the system permits to set it."""

_SWITCH_S: Final = 0.0005
"""How long a thread that computes keeps the interpreter from the one that answers, a tenth of Python's default."""

_FLUSH_S: Final = 10.0
"""How long a mount that is told to stop waits for the kernel to send its data, and then for that to be taken."""

_STOP_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MountOptions:
    """Where and how to mount.

    `idle_s`: unmount when nothing was asked for so many seconds; None never does. `save_power`: let processors fall
    asleep also while the mount is busy. `report_to` is called, in a thread of the mount, with the path of the FIFO by
    which whoever unmounts wants to hear what was changed in a scratch.
    """

    mountpoint: str
    allow_other: bool = False
    read_only: bool = False
    nonempty: bool = False
    idle_s: float | None = None
    save_power: bool = False
    report_to: Callable[[bytes], None] | None = None


def check_mountpoint(vault_path: str, place: str, *, nonempty: bool) -> None:
    """Refuse a mountpoint that would do harm; a dead mount of wafs that lies on it is cleared away.

    Raises: MountError.
    """
    if mountpoint.is_dead(place):
        found = find_mount(place)
        if found is None or found.fstype != FSTYPE:
            msg = f"{place} has a dead mount of another program on it"
            raise MountError(msg, hint=f"clear it with: fusermount3 -u {place}")
        mountpoint.unmount(place, lazy=True)
    elif (found := find_mount(place)) is not None and found.fstype == FSTYPE:
        msg = f"a vault is mounted on {place} already: {os.fsdecode(found.source)}"
        raise MountError(msg, hint=f"use another folder, or first: wafs umount {place}")
    if not os.path.isdir(place):
        msg = f"mountpoint {place} is not a folder" if os.path.lexists(place) else f"there is no folder {place}"
        raise MountError(msg, hint=f"make it with: mkdir {place}" if not os.path.lexists(place) else None)
    vault, real = os.path.realpath(vault_path), os.path.realpath(place)
    if os.path.commonpath([vault, real]) in (vault, real):
        msg = f"vault {vault_path} and mountpoint {place} lie one inside the other"
        raise MountError(msg, hint="mount on a folder outside of the vault")
    if not nonempty and os.listdir(place):
        msg = f"mountpoint {place} is not empty; its files would be hidden while the vault is mounted"
        raise MountError(msg, hint="use an empty folder, or --nonempty")


def serve(vfs: Vfs, options: MountOptions, ready: Callable[[], None]) -> None:
    """Mount, call `ready` when the mount answers, and serve until it is unmounted or SIGTERM or SIGINT comes.

    The caller keeps the `Vfs` and closes it afterwards. Runs in the main thread, for the sake of the signals.
    Raises: MountError, OSError.
    """
    raise_open_files()
    _calm_collector()
    sys.setswitchinterval(_SWITCH_S)
    os.umask(0)
    # Held back until somebody takes care of them: one that came just after mounting would leave the mount behind.
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        _mount_and_serve(vfs, options, ready, mask)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _mount_and_serve(vfs: Vfs, options: MountOptions, ready: Callable[[], None], mask: Collection[int]) -> None:
    fd = mountpoint.mount(
        options.mountpoint,
        mountpoint.MountOptions(
            source=os.fsencode(vfs.vault.path),
            read_only=options.read_only,
            allow_other=options.allow_other,
            # Without other users the checks of the filesystem below are right, and they cost no GETATTR
            # of the parent before each create and unlink. A scratch checks nothing itself.
            default_permissions=options.allow_other or vfs.vault.scratch is not None,
        ),
    )
    ours = find_mount(options.mountpoint)
    latency = CpuLatency(None) if options.save_power else CpuLatency()
    channel = Channel(fd, latency=latency)
    mounted = threading.Event()

    def answered() -> None:
        mounted.set()
        mountpoint.raise_read_ahead(options.mountpoint, READ_AHEAD_KIB)
        ready()

    tally = Tally()
    status = Status(vfs, idle_s=options.idle_s, requests=lambda: session.requests, times=tally.times)

    def notify(message: bytes) -> bool:
        return channel.send([message])

    def moment() -> int | None:
        return session.moment()

    handlers = handlers_of(vfs, status, notify, options.report_to, moment)
    session = Session(channel, handlers, vfs.reasons.note, tally, vfs.context.neighbours.chores)

    def flush() -> None:
        _flush(options.mountpoint)
        session.finish(last_handlers(handlers))

    pruner = Pruner(vfs.context, notify, lambda: session.minor)
    # Signals are taken care of until the mount is gone: a second one must not leave it behind.
    with _stopping_on_signals(channel, flush, mounted):
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        try:
            with _committing(vfs), _running(pruner):
                session.run(answered, idle_s=options.idle_s, on_idle=lambda: _unmount_idle(vfs, options.mountpoint))
        finally:
            _leave(options.mountpoint, ours)
            channel.close()
            latency.close()
    if not mounted.is_set():
        msg = f"the mount on {options.mountpoint} ended before it answered"
        raise MountError(msg, hint="it was told to stop, or somebody unmounted it; mount again")


@contextmanager
def _committing(vfs: Vfs) -> Iterator[None]:
    """Have the journal synced and emptied every few seconds."""
    checkpoint = vfs.vault.contents.checkpoint
    if checkpoint is None:
        yield
        return
    timer = CommitTimer(
        vfs.commits, checkpoint.journal, lambda error: _log.error("what waits in the journal stays there: %s", error)
    )
    timer.start()
    try:
        yield
    finally:
        timer.stop()


@contextmanager
def _running(pruner: Pruner) -> Iterator[None]:
    pruner.start()
    try:
        yield
    finally:
        pruner.stop()


def _calm_collector() -> None:
    """Have Python look for cycles of objects seldom, and never among what is there now.

    Answering makes no cycles, but inodes and names by the thousand: looking through them took a tenth of a create.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def raise_open_files() -> None:
    """Allow this process as many open files as the system lets it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextmanager
def _stopping_on_signals(channel: Channel, flush: Callable[[], None], mounted: threading.Event) -> Iterator[None]:
    """Have the first signal flush and stop, a second one stop at once."""
    ended = threading.Event()

    def flush_and_stop() -> None:
        flush()
        if not ended.wait(_FLUSH_S):
            channel.stop()

    # Taken out before it is started: a second signal may come while the first is being handled.
    flushers = [threading.Thread(target=flush_and_stop, name="wafs-flush", daemon=True)]

    def stop(number: int, frame: object) -> None:
        del number, frame
        if mounted.is_set() and flushers:
            flushers.pop().start()
        else:
            channel.stop()

    before = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        ended.set()
        for number, handler in before.items():
            signal.signal(number, handler)


def _flush(place: str) -> None:
    """Have the kernel send what programs wrote through mmap while there is somebody to take it.

    It sends only so much before it has answers.
    """
    syncing = threading.Thread(target=mountpoint.sync, args=(place,), name="wafs-sync", daemon=True)
    syncing.start()
    syncing.join(_FLUSH_S)


def _unmount_idle(vfs: Vfs, place: str) -> None:
    """Unmount if nobody has anything open; from another thread, as unmounting may ask this one for something."""
    if vfs.files.is_idle() and vfs.streams.is_idle():
        threading.Thread(target=_try_unmount, args=(place,), name="wafs-unmount", daemon=True).start()


def _try_unmount(place: str) -> None:
    try:
        mountpoint.unmount(place)
    except MountError as error:
        _log.info("idle, but not unmounted: %s", error)


def _leave(place: str, ours: MountInfo | None) -> None:
    """Take our mount away if it is still there; whoever uses it gets ENOTCONN."""
    if ours is not None and find_mount(place) == ours:
        try:
            mountpoint.unmount(place, lazy=True)
        except MountError as error:
            _log.warning("could not unmount: %s", error)
