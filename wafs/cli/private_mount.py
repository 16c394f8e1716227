"""Private mount: a mount for one command, in a folder that only its user can enter, served by a child process.

The child outlives whatever happens to the command and to its terminal, and ends with its parent: whichever of the two
is killed, the other one unmounts and removes the folder.
"""

import contextlib
import ctypes
import json
import logging
import os
import shutil
import signal
import stat
import sys
import tempfile
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Final, NoReturn, Self

import click

from wafs.cli.daemon import failure_report, refuse, serve_gently
from wafs.cli.exitcodes import BUG, FAILED, INTERRUPTED, OK, exit_code_of
from wafs.cli.leaving import leave
from wafs.cli.messages import message_of
from wafs.cli.mount_status import status_of
from wafs.cli.screen import tell
from wafs.errors import MountError
from wafs.fuse.mountinfo import FSTYPE, find_mount
from wafs.fuse.mountpoint import unmount

Orders = dict[str, Any]
"""What the parent wants when the mount is gone; empty if it is gone itself."""

Facts = dict[str, Any]
"""What the child did; with its exit code as `code`."""

Serve = Callable[[str, Callable[[], None], Callable[[], Orders]], Facts]
"""Serves on a mountpoint until it is unmounted, in the child. Calls the first function when the mount answers, and the
second one, which returns the orders, when it is gone; returns what the parent shall know."""

_PREFIX: Final = "wafs-run-"
_MOUNTPOINT: Final = "vault"
_PR_SET_PDEATHSIG: Final = 1
_MAX_REPORT: Final = 65_536
_READY: Final = b"ready"

_log = logging.getLogger(__name__)


class PrivateMount:
    """A mount, and the child that serves it; within its `with` it answers, and after it both are gone.

    Without `end` nothing is done but that.
    Thread: main.
    """

    def __init__(self, place: str, server: int, orders: int, report: int) -> None:
        self.place = place
        self.server = server
        # The number may be another process's when this one was reaped; the handle never is.
        self._handle = os.pidfd_open(server)
        self._orders: int | None = orders
        self._report = report
        self._ended = False
        self._said = b""

    def end(self, orders: Orders) -> Facts:
        """Unmount, have the child carry out the orders, and return what it did when it has ended."""
        if not leave(self.place):
            # Ignored where nothing is served any more, and on the way before the orders are.
            self._stop()
        self._order(json.dumps(orders).encode())
        self._wait()
        try:
            facts: Facts = json.loads(self._said)
        except ValueError:
            tell("error", "the process that served the mount was killed; nothing was kept")
            return {"code": FAILED}
        return facts

    def __enter__(self) -> Self:
        """Wait until the mount answers.

        Raises: click.exceptions.Exit with the exit code of what failed in the child; MountError if it was killed.
        """
        with contextlib.ExitStack() as undo:
            undo.callback(self._abandon)
            self._said = os.read(self._report, _MAX_REPORT)
            if self._said != _READY:
                refuse(self._said, self._wait())
            self._said = b""
            undo.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._abandon()

    def _abandon(self) -> None:
        """End the child without orders; nothing happens if it has ended."""
        self._order(b"")
        if not self._ended:
            self._stop()
            self._wait()

    def _stop(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._handle, signal.SIGTERM)

    def _order(self, orders: bytes) -> None:
        if self._orders is not None:
            with contextlib.suppress(BrokenPipeError), open(self._orders, "wb") as pipe:
                self._orders = None
                pipe.write(orders)

    def _wait(self) -> int:
        """Wait for the end of the child; return its exit code, -n for signal n, 0 if it was reaped already."""
        while piece := os.read(self._report, _MAX_REPORT):
            self._said += piece
        os.close(self._report)
        os.close(self._handle)
        self._ended = True
        try:
            return os.waitstatus_to_exitcode(os.waitpid(self.server, 0)[1])
        except ChildProcessError:
            return 0


def start_private_mount(folder: str, serve: Serve) -> PrivateMount:
    """Have a child process serve below `folder`, which it removes in the end with all in it.

    Raises: OSError.
    Thread: main, and no other may run.
    """
    place = os.path.join(folder, _MOUNTPOINT)
    os.mkdir(place, 0o700)
    sys.stderr.flush()
    report, report_end = os.pipe()
    orders_end, orders = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        os.close(report)
        os.close(orders)
        _Server(serve, folder, report_end, orders_end).run(parent)
    os.close(report_end)
    os.close(orders_end)
    return PrivateMount(place, pid, orders, report)


@contextlib.contextmanager
def private_folder() -> Iterator[str]:
    """Make a folder that only its user can enter, in memory if the system has such a place; remove it at the end."""
    folder = tempfile.mkdtemp(prefix=_PREFIX, dir=_runtime_folder())
    try:
        yield folder
    finally:
        remove_folder(folder)


def remove_dead() -> None:
    """Remove private mounts whose processes were all killed."""
    above = _runtime_folder() or tempfile.gettempdir()
    for name in os.listdir(above):
        place = os.path.join(above, name, _MOUNTPOINT)
        found = find_mount(place) if name.startswith(_PREFIX) else None
        if found is not None and found.fstype == FSTYPE and status_of(place).state == "dead":
            remove_folder(os.path.join(above, name))


@contextlib.contextmanager
def signals_interrupt() -> Iterator[None]:
    """Have SIGTERM and SIGHUP do what Ctrl-C does: what has to be taken back is taken back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _interrupt(number: int, frame: FrameType | None) -> None:
    del number, frame
    raise KeyboardInterrupt


def remove_folder(folder: str) -> None:
    """Remove the folder of a private mount; what is mounted in it is taken away before, and never emptied."""
    place = os.path.join(folder, _MOUNTPOINT)
    if find_mount(place) is not None:
        with contextlib.suppress(MountError):
            unmount(place, lazy=True)
    with contextlib.suppress(OSError):
        os.rmdir(place)
    if not os.path.lexists(place):
        shutil.rmtree(folder, ignore_errors=True)


def _runtime_folder() -> str | None:
    """Return the folder that the system made for this user's session, None if there is none to be trusted."""
    folder = os.environ.get("XDG_RUNTIME_DIR", "")
    try:
        found = os.lstat(folder)
    except OSError:
        return None
    private = found.st_uid == os.geteuid() and not found.st_mode & 0o077
    return folder if stat.S_ISDIR(found.st_mode) and private and os.access(folder, os.W_OK) else None


class _Server:
    """The child: serves, carries out the orders, says how it went, and leaves nothing behind."""

    def __init__(self, serve: Serve, folder: str, report: int, orders: int) -> None:
        self._serve = serve
        self._folder = folder
        self._report = report
        self._orders = orders
        self._answers = False
        self._facts: Facts = {}

    def run(self, parent: int) -> NoReturn:
        code = BUG
        try:
            _become_server(parent)
            serve_gently(self._serve_in_folder, self._ready)
            code = OK
        except BaseException as error:  # noqa: BLE001  the parent is told, and the person if it cannot be
            code = _code_of(error)
            if self._answers:
                _say(error, code)
            else:
                self._tell_parent(failure_report(error, code))
        finally:
            remove_folder(self._folder)
            if self._answers:
                self._tell_parent(json.dumps({**self._facts, "code": code}).encode())
            logging.shutdown()
            os._exit(code)

    def _serve_in_folder(self, answered: Callable[[], None]) -> None:
        self._facts = self._serve(os.path.join(self._folder, _MOUNTPOINT), answered, self._await_orders)

    def _ready(self) -> None:
        self._answers = True
        self._tell_parent(_READY)

    def _await_orders(self) -> Orders:
        with open(self._orders, "rb") as pipe:
            found = pipe.read()
        orders: Orders = json.loads(found) if found else {}
        return orders

    def _tell_parent(self, words: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(self._report, words)


def _become_server(parent: int) -> None:
    """Leave the terminal, but for what is said on it, and end with the parent.

    Source: prctl(2).
    """
    os.setsid()
    os.chdir("/")
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        raise KeyboardInterrupt
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    if null > 2:
        os.close(null)


def _code_of(error: BaseException) -> int:
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    return INTERRUPTED if isinstance(error, KeyboardInterrupt) else exit_code_of(error)


def _say(error: BaseException, code: int) -> None:
    if isinstance(error, click.exceptions.Exit | KeyboardInterrupt):
        return
    text, hint = message_of(error)
    tell("error", f"this is a bug in wafs: {text}" if code == BUG else text)
    if hint:
        tell("hint", hint)
    _log.debug("the server of a private mount", exc_info=error)
