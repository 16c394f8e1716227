"""iOS manifest: the table in a backup of Finder or iTunes that says which file is which."""

import os
import plistlib
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Final

from wafs.errors import UserError, WafsError
from wafs.whatsapp.database import Database, as_bytes
from wafs.whatsapp.layout import Category, ios_categories
from wafs.whatsapp.memory_file import RandomAccess
from wafs.whatsapp.sqlite_vfs import MAIN

_PATHS: Final = "SELECT relativePath FROM Files WHERE instr(domain, 'net.whatsapp.') > 0"
_COLUMNS: Final = ("fileID", "domain", "relativePath")
_ROWS: Final = (
    f"SELECT {', '.join(map(as_bytes, _COLUMNS))} FROM Files WHERE flags = 1 AND instr(domain, 'net.whatsapp.') > 0"
)


class LocalManifest:
    """The bytes of a manifest on this machine.

    Raises: OSError.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.size: Final = os.fstat(fd).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes; fewer only at the end."""
        return os.pread(self._fd, size, offset)


def categories_in(manifest: RandomAccess, check: Callable[[], None]) -> dict[bytes, Category] | None:
    """Return the path of each of WhatsApp's files in a backup with its category; None if the manifest is no database.

    Nothing is written, and a manifest that was made to take for ever is given up. An encrypted backup has no readable
    one. `check` is called now and then and may raise to stop.
    Raises: what reading it and `check` raise.
    """
    try:
        with Database({MAIN: manifest}, check) as db:
            if not db.columns("Files") >= {"fileid", "domain", "relativepath", "flags"}:
                return None
            rows = (
                tuple((db.text(value) or b"").decode("utf-8", "replace") for value in row) for row in db.rows(_ROWS)
            )
            return dict(ios_categories((file_id, domain, path) for file_id, domain, path in rows))
    except WafsError:
        return None


def check_paths(manifest: str) -> None:
    """Refuse a backup whose manifest has a path for a file of WhatsApp that leads out of the folder it is unpacked in.

    Read as a tool that unpacks it does, a log beside it included, of which SQLite makes what it likes; one that is no
    database, as in an encrypted backup, is left to that tool.
    Raises: UserError.
    """
    with closing(sqlite3.connect(manifest)) as db:
        db.text_factory = bytes
        try:
            kinds = db.execute("SELECT type FROM sqlite_master WHERE name = 'Files' COLLATE NOCASE").fetchall()
            # What a view counts may have no end.
            if kinds in ([], [(b"table",)]):
                db.execute("SELECT count() FROM Files").fetchone()
        except sqlite3.Error:
            return
        try:
            is_safe = kinds == [(b"table",)] and not any(_leads_out(path) for (path,) in db.execute(_PATHS))
        except sqlite3.Error as error:
            msg = f"the manifest of the backup cannot be read: {error}"
            raise UserError(msg) from None
    if not is_safe:
        msg = "the manifest of the backup has paths that lead out of it, so that unpacking it may replace other files"
        raise UserError(msg, hint="no phone makes such a backup: somebody may have made it to do harm")


def _leads_out(path: object) -> bool:
    return not isinstance(path, bytes | None) or (path or b"").startswith(b"/") or b".." in (path or b"").split(b"/")


def is_encrypted(plist: bytes) -> bool:
    """Tell whether Manifest.plist says that the backup is encrypted; one that does not open says nothing."""
    try:
        facts = plistlib.loads(plist)
    except Exception:  # noqa: BLE001  the parsers of the library promise no set of errors for bytes that are no plist
        return False
    return isinstance(facts, dict) and facts.get("IsEncrypted") is True
