"""Session: the conversation with the kernel, from INIT to the end.

One thread receives and answers; what waits for a disk (FSYNC and the like) goes to a few workers, so that nobody else
waits with it. Knows the protocol's frame, not what the requests mean.
"""

import errno
import logging
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Final

from wafs.errors import MalformedRequestError, WafsError
from wafs.fuse.channel import END, STOPPED, TIMED_OUT, Channel
from wafs.fuse.errno import errno_of
from wafs.fuse.linux.reply import Handler, Held, Later
from wafs.fuse.tally import Tally, now
from wafs.fuse.wire import abi, replies, requests
from wafs.fuse.wire.flags import InitFlag
from wafs.fuse.wire.opcodes import (
    FUSE_KERNEL_MINOR_VERSION,
    FUSE_KERNEL_VERSION,
    FUSE_MIN_MINOR_VERSION,
    UNANSWERED,
    Opcode,
)
from wafs.fuse.wire.requests import InHeader
from wafs.units import KIB, MIB

MAX_WRITE: Final = 128 * KIB
"""Most bytes of one WRITE. While one is sealed everybody else waits: with 1 MiB a read beside a big write took 900 us
and not 250, and one in a hundred 8 ms and not 1; the stream itself is as fast."""

_MAX_READ: Final = MIB
_MAX_PAGES: Final = _MAX_READ // 4096
_MAX_BACKGROUND: Final = 64
_WORKERS: Final = 3

_WANTED: Final = (
    InitFlag.ASYNC_READ
    | InitFlag.ATOMIC_O_TRUNC
    | InitFlag.BIG_WRITES
    | InitFlag.DO_READDIRPLUS
    | InitFlag.PARALLEL_DIROPS
    | InitFlag.HANDLE_KILLPRIV_V2
    | InitFlag.MAX_PAGES
    | InitFlag.CACHE_SYMLINKS
    | InitFlag.INIT_EXT
)
"""What this server wants of what the kernel offers.

Not SETXATTR_EXT: it only carries a flag about ACLs, which are not stored.
Not READDIRPLUS_AUTO: who lists a directory mostly asks for the attributes next, and a LOOKUP costs thrice the entry.
Not AUTO_INVAL_DATA: our own writes change mtime, and it would drop the pages just written; an open compares instead.
Not WRITEBACK_CACHE: it slows create and unlink, and delays writes that are to be in the store when they return.
"""

_NO_REPLY: Final = UNANSWERED | {Opcode.INTERRUPT}
_SLOW: Final = frozenset(
    {
        Opcode.FSYNC,
        Opcode.FSYNCDIR,
        Opcode.FALLOCATE,
        Opcode.COPY_FILE_RANGE,
        Opcode.COPY_FILE_RANGE_64,
    }
)

_ONLY_LOOKS: Final = frozenset(
    {
        Opcode.LOOKUP,
        Opcode.FORGET,
        Opcode.BATCH_FORGET,
        Opcode.GETATTR,
        Opcode.STATX,
        Opcode.ACCESS,
        Opcode.READLINK,
        Opcode.READ,
        Opcode.GETXATTR,
        Opcode.LISTXATTR,
        Opcode.OPENDIR,
        Opcode.READDIR,
        Opcode.READDIRPLUS,
        Opcode.RELEASEDIR,
        Opcode.STATFS,
    }
)
"""Requests that change no attribute that anybody is shown."""

_BY_NODEID: Final = frozenset(
    {
        Opcode.GETATTR,
        Opcode.SETATTR,
        Opcode.ACCESS,
        Opcode.READLINK,
        Opcode.OPEN,
        Opcode.OPENDIR,
        Opcode.LINK,
        Opcode.SETXATTR,
        Opcode.GETXATTR,
        Opcode.LISTXATTR,
        Opcode.REMOVEXATTR,
    }
)
"""Requests about what the kernel has found by a name that may be gone, or another file's, when they arrive.

On ESTALE the kernel looks the name up anew, and tells ENOENT only if there is none. ENOENT would go to the caller, for
whom a name that was replaced just then would have been missing.
"""

NoteFailure = Callable[[int, Exception], None]
"""Is told the inode and the error whenever a program gets EIO; raises nothing."""

_log = logging.getLogger(__name__)


def _nobody_asks(number: int, error: Exception) -> None:
    """Keep no reason."""


class Session:
    """Answers requests until the filesystem is unmounted, the channel is stopped, or `run` is told to give up idling.

    Thread: `run` once, in one thread; `finish` any; `requests` and `minor`, the version agreed on, are read by any.
    """

    def __init__(
        self,
        channel: Channel,
        handlers: Mapping[int, Handler],
        note: NoteFailure = _nobody_asks,
        tally: Tally | None = None,
        chores: deque[Callable[[], None]] | None = None,
    ) -> None:
        """`chores` are done by the thread that answers, one behind each answer."""
        self._channel = channel
        self._handlers = dict(handlers)
        self._note = note
        self._buffer = memoryview(bytearray(MAX_WRITE + abi.PAGE_ROOM))
        self._workers: ThreadPoolExecutor | None = None
        self._waiting: dict[int, Future[None]] = {}
        self.requests = 0
        self._changes = 0
        self.minor = 0
        self._tally = tally or Tally()
        self._chores = chores if chores is not None else deque[Callable[[], None]]()

    def run(
        self,
        ready: Callable[[], None] = lambda: None,
        *,
        idle_s: float | None = None,
        on_idle: Callable[[], None] = lambda: None,
    ) -> None:
        """Serve; `ready` is called when INIT is answered, `on_idle` when nothing was asked for `idle_s` seconds.

        Raises: OSError if the channel fails; MalformedRequestError if the kernel speaks another protocol.
        """
        if not self._negotiate():
            return
        ready()
        receive, buffer, chores = self._channel.receive, self._buffer, self._chores
        with ThreadPoolExecutor(_WORKERS, "wafs-worker") as self._workers:
            while True:
                # Looked at before the read: with what a worker answers after it the kernel may send more.
                busy = bool(self._waiting)
                size = receive(buffer, idle_s, spin=not busy)
                if size > 0:
                    self.answer(buffer[:size])
                    if chores:
                        self.do_chore()
                elif size == TIMED_OUT:
                    on_idle()
                elif size == STOPPED and busy and not self._channel.is_stopped:
                    wait(list(self._waiting.values()), return_when=FIRST_COMPLETED)
                elif size in (END, STOPPED):
                    return

    def finish(self, handlers: Mapping[int, Handler]) -> None:
        """Serve with these handlers from now on, and end when all is answered and no more comes.

        Thread: any.
        """
        self._handlers = dict(handlers)
        self._channel.drain()

    def moment(self) -> int | None:
        """Return how many requests came so far that may change something; None while workers are at one."""
        return None if self._waiting else self._changes

    def do_chore(self) -> None:
        """Do one of the chores that wait."""
        try:
            self._chores.popleft()()
        except Exception:  # noqa: BLE001  a bug, as in `_serve`; nobody waits for this
            _log.exception("a chore failed by a bug in wafs")

    def _negotiate(self) -> bool:
        """Answer INIT; False if the channel ended before one came."""
        while True:
            size = self._channel.receive(self._buffer)
            if size <= 0:
                return False
            header, body = requests.parse_request(self._buffer[:size])
            if header.opcode != Opcode.INIT:
                self._channel.send([replies.error(header.unique, errno.EIO)])
                continue
            init = requests.parse_init(body)
            if init.major > FUSE_KERNEL_VERSION:
                # The kernel sends INIT again in the version that it finds here.
                self._send_init(header, 0, init.max_readahead, InitFlag(0))
                continue
            if init.major < FUSE_KERNEL_VERSION or init.minor < FUSE_MIN_MINOR_VERSION:
                self._channel.send([replies.error(header.unique, errno.EPROTO)])
                msg = f"kernel speaks FUSE {init.major}.{init.minor}, wanted 7.{FUSE_MIN_MINOR_VERSION} or newer"
                raise MalformedRequestError(msg, hint="Linux 5.4 or newer has it")
            flags = _WANTED & InitFlag(init.flags)
            self.minor = minor = min(init.minor, FUSE_KERNEL_MINOR_VERSION)
            self._send_init(header, minor, init.max_readahead, flags)
            _log.debug("FUSE 7.%d, flags %s", minor, flags)
            return True

    def _send_init(self, header: InHeader, minor: int, readahead: int, flags: InitFlag) -> None:
        body = replies.init_out(
            replies.InitOut(
                minor=minor,
                max_readahead=readahead,
                flags=flags,
                max_background=_MAX_BACKGROUND,
                congestion_threshold=_MAX_BACKGROUND * 3 // 4,
                max_write=MAX_WRITE,
                time_gran=1,
                max_pages=_MAX_PAGES,
            )
        )
        self._channel.send([replies.header(header.unique, len(body)), body])

    def answer(self, message: memoryview) -> None:
        """Answer one message; it may be used again when this returns."""
        began = now()
        self.requests += 1
        header, body = requests.parse_request(message)
        opcode = header[1]
        handler = self._handlers.get(opcode)
        if opcode not in _ONLY_LOOKS:
            self._changes += 1
        if handler is None:
            self._refuse(header, body)
        elif opcode in _SLOW:
            # The buffer is filled again before the worker is done.
            self._hand_over(handler, header, memoryview(bytes(body)), began)
        else:
            self._serve(handler, header, body, began)

    def _hand_over(self, handler: Handler, header: InHeader, body: memoryview, began: int) -> None:
        """Have a worker serve a request that may wait for a disk."""
        if self._workers is None:
            self._serve(handler, header, body, began)
            return
        job = self._workers.submit(self._serve, handler, header, body, began)
        self._waiting[header.unique] = job
        job.add_done_callback(lambda _: self._waiting.pop(header.unique, None))

    def _serve(self, handler: Handler, header: InHeader, body: memoryview, began: int) -> None:
        """Run a handler, send its reply and count the request, or hand over what is left of it.

        Whatever goes wrong becomes an errno.
        """
        unique = header[2]
        try:
            reply = handler(header, body)
        except (WafsError, OSError) as error:
            self._fail(header, error)
        except Exception as error:  # noqa: BLE001
            # A bug. The caller gets EIO, the log the traceback, everybody else goes on.
            _log.exception("request %d failed by a bug in wafs", header.opcode)
            self._note(header.nodeid, error)
            if header.opcode not in _NO_REPLY:
                self._channel.send([replies.error(unique, errno.EIO)])
        else:
            # In this order, as a READ and a WRITE are answered most often.
            if isinstance(reply, (bytes, memoryview)):
                self._channel.send((replies.header(unique, len(reply)), reply))
            elif isinstance(reply, Held):
                if not self._channel.send((replies.header(unique, len(reply[0])), reply[0])):
                    self._undo(reply)
            elif isinstance(reply, int):
                self._channel.send((replies.error(unique, reply),))
            elif isinstance(reply, Later):
                self._hand_over(lambda *_: reply.work(), header, body, began)
                return
        self._tally.note(header[1], began)

    def _undo(self, reply: Held) -> None:
        """Take back what the kernel was to hold and never got; nobody is left to tell a failure to."""
        try:
            reply.undo()
        except (WafsError, OSError) as error:
            _log.warning("a request that was given up could not be undone: %s", error)

    def _fail(self, header: InHeader, error: WafsError | OSError) -> None:
        code = errno_of(error)
        if code == errno.ENOENT and header.opcode in _BY_NODEID:
            code = errno.ESTALE
        if code == errno.EIO:
            _log.error("inode %d, request %d: %s", header.nodeid, header.opcode, error)
            self._note(header.nodeid, error)
        if header.opcode not in _NO_REPLY:
            self._channel.send([replies.error(header.unique, code)])

    def _refuse(self, header: InHeader, body: memoryview) -> None:
        """Answer requests that need no handler: INTERRUPT, DESTROY and those that are not implemented."""
        if header.opcode == Opcode.INTERRUPT:
            self._interrupt(requests.parse_interrupt(body).unique)
        elif header.opcode == Opcode.DESTROY:
            self._channel.send([replies.header(header.unique, 0)])
        elif header.opcode not in _NO_REPLY:
            self._channel.send([replies.error(header.unique, errno.ENOSYS)])

    def _interrupt(self, unique: int) -> None:
        """Give up a request that no worker has begun; one that has begun is finished, as the protocol allows."""
        waiting = self._waiting.get(unique)
        if waiting is not None and waiting.cancel():
            self._channel.send([replies.error(unique, errno.EINTR)])
