"""Reasons: why things could not be read, kept for who asks after a program got no more than an I/O error."""

import errno
import json
import logging
import os
import re
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import Final

from wafs.errors import AuthenticationError, DamageError, NotFoundError, TruncatedError, WafsError
from wafs.fs.context import FsContext
from wafs.fs.inodes import Inode
from wafs.units import ROOT_INO, Ino

KEPT: Final = 256
"""Reasons that are kept, the newest; some 500 bytes each."""

_MAX_JSON: Final = 48 * 1024
"""Bytes of JSON that are given out, below the 64 KiB that an extended attribute may have."""

_CHUNK: Final = re.compile(r"chunk ([0-9]+) does not verify")
"""What `ChunkIo` says; tests/fs/test_reasons.py holds the two together."""

_MIXED: Final = "different versions"
"""What `FileRoot` says."""

_BACKUP: Final = "restore it from a backup; wafs check VAULT tells what else is damaged, wafs salvage saves the rest"
_DISK: Final = "look at the disk and its cable, copy the vault's folder to a good disk, then run wafs check VAULT"
_BUG: Final = "this is a bug in wafs; please report it, with the log of the mount"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an operation on an inode failed with EIO.

    `start` to before `stop` are the plain bytes that cannot be read, where that is known; `rule` is one of
    docs/format.md, or an invariant. Times are seconds since 1970.
    """

    ino: Ino
    path: bytes | None
    rule: str
    message: str
    remedy: str
    start: int | None
    stop: int | None
    first: float
    last: float
    count: int = 1

    def as_json(self) -> dict[str, object]:
        """Return the object that `wafs why --json` prints; a byte that is not UTF-8 becomes a lone surrogate."""
        return {
            "path": None if self.path is None else os.fsdecode(self.path),
            "rule": self.rule,
            "message": self.message,
            "remedy": self.remedy,
            "start": self.start,
            "stop": self.stop,
            "first": self.first,
            "last": self.last,
            "count": self.count,
        }


class Reasons:
    """The newest reasons of one `Vfs`. The same failure again is counted, and takes no more room.

    Thread: any; a lock of its own, taken after that of the context has been given back.
    """

    def __init__(self, context: FsContext) -> None:
        self._fs = context
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[int, str], Reason] = OrderedDict()

    def note(self, number: int, error: BaseException) -> None:
        """Keep why an operation on an inode failed. Never raises an error of wafs or the storage."""
        now = time.time()
        path, size = self._place(number)
        start, stop = self._range(error, size)
        rule, remedy = _explained(error)
        message = _words(error)
        reason = Reason(Ino(number), path, rule, message, remedy, start, stop, now, now)
        with self._lock:
            before = self._kept.pop((number, message), None)
            if before is not None:
                reason = replace(reason, first=before.first, count=before.count + 1)
            self._kept[number, message] = reason
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        if before is None:
            _log.warning("inode %d gave an I/O error: %s (%s); wafs why tells which file", number, message, rule)
            _log.debug("inode %d is %r", number, path)

    def of(self, number: int) -> list[Reason]:
        """Return what is known of an inode, the newest first; for the root, of all."""
        with self._lock:
            kept = list(self._kept.values())
        return [reason for reason in reversed(kept) if number in (ROOT_INO, reason.ino)]

    def encode(self, number: int) -> bytes:
        """Return `of` as a JSON list, as many as fit into an extended attribute."""
        texts: list[str] = []
        room = _MAX_JSON
        for reason in self.of(number):
            text = json.dumps(reason.as_json())
            room -= len(text) + 2
            if room < 0:
                break
            texts.append(text)
        return f"[{', '.join(texts)}]".encode()

    def _place(self, number: int) -> tuple[bytes | None, int | None]:
        """Return plain path and size of an inode, as far as they are known."""
        with self._fs.lock:
            try:
                inode = self._fs.inodes[number]
                size = inode.shown_size if inode.content is None else inode.content.size
                return _path(inode, self._fs.inodes.root), size
            except (WafsError, OSError):
                return None, None

    def _range(self, error: BaseException, size: int | None) -> tuple[int | None, int | None]:
        match = _CHUNK.search(str(error)) if isinstance(error, AuthenticationError) else None
        if match is None:
            return None, None
        start = int(match[1]) * self._fs.chunk_size
        stop = start + self._fs.chunk_size
        return start, stop if not size or size <= start else min(stop, size)


def _path(inode: Inode, root: Inode) -> bytes | None:
    names = []
    while inode is not root:
        try:
            link = inode.link()
        except NotFoundError:
            return None
        names.append(link.name)
        inode = link.parent
    return b"/" + b"/".join(reversed(names))


def _explained(error: BaseException) -> tuple[str, str]:
    """Return the rule that is broken, and what to do."""
    if isinstance(error, OSError):
        return "I-5", _DISK
    if isinstance(error, TruncatedError):
        return "F-24", _BACKUP
    if isinstance(error, AuthenticationError):
        return "F-30" if _CHUNK.search(str(error)) else "F-27" if _MIXED in str(error) else "F-21", _BACKUP
    if isinstance(error, DamageError):
        return "F-20", _BACKUP
    return "I-5", _BUG


def _words(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"the storage failed: {os.strerror(error.errno or errno.EIO).lower()}"
    if isinstance(error, WafsError):
        return str(error)
    return f"{type(error).__name__} in wafs"
