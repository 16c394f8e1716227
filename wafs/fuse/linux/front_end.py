"""Front-end: all handlers over one `Vfs`, and how a mount describes itself."""

import errno
import json
import os
import time
from collections.abc import Callable, Mapping

from wafs import __version__
from wafs.fs.vfs import Vfs
from wafs.fuse.linux.attributes import AttributeHandlers, ReportTo
from wafs.fuse.linux.directories import DirectoryHandlers, Moment
from wafs.fuse.linux.entries import EntryHandlers
from wafs.fuse.linux.files import FileHandlers
from wafs.fuse.linux.reply import Handler, Notify, Reply
from wafs.fuse.wire import flags, requests
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader

_LAST = (Opcode.FSYNC, Opcode.FLUSH, Opcode.RELEASE, Opcode.RELEASEDIR, Opcode.FORGET, Opcode.BATCH_FORGET)


def handlers_of(
    vfs: Vfs,
    status: Callable[[], bytes] = lambda: b"{}",
    notify: Notify = bool,
    report_to: ReportTo | None = None,
    moment: Moment = lambda: None,
) -> dict[int, Handler]:
    """Return the handlers of all requests that have one, by opcode."""
    return {
        **EntryHandlers(vfs).table(),
        **AttributeHandlers(vfs, status, report_to).table(),
        **FileHandlers(vfs, notify).table(),
        **DirectoryHandlers(vfs, moment).table(),
    }


def last_handlers(handlers: Mapping[int, Handler]) -> dict[int, Handler]:
    """Return the handlers for a mount that was told to stop: what programs wrote through mmap is taken over.

    Programs hear already what they will hear when the mount has gone, so that none that goes on and on keeps it.
    """
    write = handlers[Opcode.WRITE]

    def write_back(header: InHeader, body: memoryview) -> Reply:
        of_the_kernel = requests.parse_write(body).write_flags & flags.WRITE_CACHE
        return write(header, body) if of_the_kernel else errno.ENOTCONN

    def gone(header: InHeader, body: memoryview) -> Reply:
        del header, body
        return errno.ENOTCONN

    last: dict[int, Handler] = dict.fromkeys(handlers, gone)
    last.update({opcode: handlers[opcode] for opcode in _LAST})
    last[Opcode.WRITE] = write_back
    return last


class Status:
    """What a mount tells of itself, as JSON.

    `requests` counts what the kernel asked so far; `times` has how long each kind took (`wafs.fuse.tally.Times`).
    """

    def __init__(
        self, vfs: Vfs, *, idle_s: float | None, requests: Callable[[], int], times: Callable[[], Mapping[str, object]]
    ) -> None:
        self._requests = requests
        self._times = times
        self._facts = {
            "pid": os.getpid(),
            "vault": vfs.vault.path,
            "version": __version__,
            "read_only": vfs.vault.read_only,
            "scratch": vfs.vault.scratch is not None,
            "started": int(time.time()),
            "idle_s": idle_s,
        }

    def __call__(self) -> bytes:
        """Return the JSON text."""
        return json.dumps({**self._facts, "requests": self._requests(), "times": self._times()}).encode()
