"""Front-end: all handlers over one `Vfs`, and how a mount describes itself."""

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
from wafs.fuse.linux.reply import Handler, Notify


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
