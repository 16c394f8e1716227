"""Scratch pipe: how whoever unmounts a scratch hears what was changed, and how far keeping it is.

A FIFO in a private folder, so that no name ever touches a disk: a line of JSON for each piece of news.
"""

import contextlib
import json
import os
import select
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from typing import Final

from wafs.cli.progress import Progress
from wafs.cli.scratch_report import Report

REPORT_ATTRIBUTE: Final = "user.wafs.report"
"""Extended attribute of a mountpoint that takes the path of the FIFO."""

_PIECE: Final = 65_536
_EVERY_S: Final = 0.2


class ReportSender:
    """The end of the process that served the mount; sends nothing if nobody waits.

    Thread: one at a time.
    """

    def __init__(self, place: bytes | None) -> None:
        self._fd = _open_fifo(place) if place is not None else None
        self._last = 0.0

    @property
    def is_heard(self) -> bool:
        """Tell whether somebody waits."""
        return self._fd is not None

    def progress(self, done: int, total: int) -> None:
        """Say how many bytes were kept so far, a few times in a second."""
        now = time.monotonic()
        if now - self._last >= _EVERY_S:
            self._last = now
            self._send({"progress": [done, total]})

    def report(self, report: Report) -> None:
        """Say what was changed."""
        self._send({"report": report})

    def close(self) -> None:
        """Say no more."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _send(self, news: dict[str, object]) -> None:
        if self._fd is None:
            return
        data = memoryview(json.dumps(news).encode() + b"\n")
        try:
            while data:
                data = data[os.write(self._fd, data) :]
        except OSError:
            # Nobody listens any more.
            self.close()


class SentProgress(Progress):
    """Progress that is shown where the mount is unmounted."""

    def __init__(self, verb: str, sender: ReportSender) -> None:
        super().__init__(verb)
        self._sender = sender
        self._total = 0

    @property
    def watched(self) -> bool:
        """Tell whether there is somebody to show something to."""
        return self._sender.is_heard

    def expect(self, total_bytes: int | None) -> None:
        """Note how many bytes are to be copied; None as long as that is not known."""
        self._total = total_bytes or 0

    def advance(self, size: int) -> None:
        """Note that so many bytes more were copied."""
        super().advance(size)
        self._sender.progress(self.bytes, self._total)


class ReportPipe:
    """The end of who unmounts."""

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self._fd = fd
        self._unread = bytearray()
        self._report: Report | None = None
        self._done = 0

    def wait(self, server: int, progress: Progress) -> Report | None:
        """Return the report when the process behind `server` (a pidfd) has ended; None if it sent none.

        A person who is tired of waiting interrupts.
        """
        events = select.poll()
        events.register(self._fd, select.POLLIN)
        events.register(server, select.POLLIN)
        while True:
            ready = {fd for fd, _ in events.poll()}
            if self._fd in ready and not self._take(progress):
                # The other end was closed: nothing more comes, but the end of the process.
                events.unregister(self._fd)
            if server in ready:
                while self._take(progress):
                    pass
                return self._report

    def _take(self, progress: Progress) -> bool:
        try:
            piece = os.read(self._fd, _PIECE)
        except BlockingIOError:
            return False
        self._unread += piece
        # A report is one line of many pieces, and looking for its end in all of it each time would take for ever.
        if b"\n" not in piece:
            return bool(piece)
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            news = json.loads(line)
            if "progress" in news:
                done, total = news["progress"]
                if not 0 < self._done <= done:
                    # The first of one copying.
                    progress.close()
                    progress.expect(total)
                    self._done = 0
                progress.advance(done - self._done)
                self._done = done
            self._report = news.get("report", self._report)
        return bool(piece)


@contextlib.contextmanager
def report_pipe() -> Iterator[ReportPipe]:
    """Make a FIFO, and remove it in the end.

    Raises: OSError.
    """
    folder = tempfile.mkdtemp(prefix="wafs-report-")
    try:
        path = os.path.join(folder, "report")
        os.mkfifo(path, 0o600)
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            yield ReportPipe(path, fd)
        finally:
            os.close(fd)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _open_fifo(place: bytes) -> int | None:
    """Open a FIFO of this user's, or of root's, at which somebody waits."""
    try:
        fd = os.open(place, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    found = os.fstat(fd)
    if not stat.S_ISFIFO(found.st_mode) or found.st_uid not in (0, os.geteuid()):
        os.close(fd)
        return None
    os.set_blocking(fd, True)
    return fd
