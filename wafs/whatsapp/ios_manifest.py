"""iOS manifest: the table in a backup of Finder or iTunes that says which file is which."""

import plistlib
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from wafs.errors import UserError
from wafs.whatsapp.layout import Category, ios_categories

_MAGIC: Final = b"SQLite format 3\0"
_VERSIONS: Final = slice(18, 20)
_IS_ROLLBACK: Final = b"\x01\x01"
_PATHS: Final = "SELECT relativePath FROM Files WHERE instr(domain, 'net.whatsapp.') > 0"
_ROWS: Final = "SELECT fileID, domain, relativePath FROM Files WHERE flags = 1 AND instr(domain, 'net.whatsapp.') > 0"


def categories_in_file(manifest: str) -> dict[bytes, Category] | None:
    """Return the path of each of WhatsApp's files in a backup with its category; None if the manifest is no database.

    Nothing is written, locked or made beside it. An encrypted backup has no readable manifest.
    Raises: OSError.
    """
    with open(manifest, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return None
    # `as_uri` escapes what would be an option in a name.
    uri = f"{Path(manifest).absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with closing(sqlite3.connect(uri, uri=True)) as db:
            return _categories(db)
    except sqlite3.Error:
        return None


def categories_in_bytes(manifest: bytearray) -> dict[bytes, Category] | None:
    """Return the same for a manifest in memory, of which it changes two bytes."""
    if not manifest.startswith(_MAGIC):
        return None
    # What is in memory has no write-ahead log, and SQLite refuses to look for one.
    manifest[_VERSIONS] = _IS_ROLLBACK
    try:
        with closing(sqlite3.connect(":memory:")) as db:
            db.deserialize(manifest)
            return _categories(db)
    except sqlite3.Error:
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


def _categories(db: sqlite3.Connection) -> dict[bytes, Category]:
    rows = db.execute(_ROWS)
    return dict(ios_categories((str(file_id), str(domain), str(path)) for file_id, domain, path in rows))
