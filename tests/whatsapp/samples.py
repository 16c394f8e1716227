"""Encrypted backups for tests, made by `sample_backup.encrypted`, and how tests open them."""

from __future__ import annotations

import io
import sqlite3
import zipfile
from typing import TYPE_CHECKING, Final

from sample_backup import encrypted
from wafs.whatsapp.backup import Backup
from wafs.whatsapp.keys import parse_key_file
from wafs.whatsapp.source import Candidate, Source

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT: Final = encrypted.root_key("phone")
SERVER: Final = encrypted.server_key("phone")
NONCE: Final = encrypted.nonce_of("test")
ROOT_CANDIDATE: Final = Candidate("phone", parse_key_file(ROOT))
SERVER_CANDIDATE: Final = Candidate("old phone", parse_key_file(SERVER.file()))
BOTH: Final = (ROOT_CANDIDATE, SERVER_CANDIDATE)
OTHERS: Final = (
    Candidate("sister", parse_key_file(encrypted.root_key("sister"))),
    Candidate("brother", parse_key_file(encrypted.server_key("brother").file())),
)


def database(rows: int = 3) -> bytes:
    """A small SQLite database."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE message (text TEXT)")
    connection.executemany("INSERT INTO message VALUES (?)", [(f"message {row}",) for row in range(rows)])
    connection.commit()
    data = connection.serialize()
    connection.close()
    return data


def archive() -> bytes:
    """A ZIP as of stickers."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr("stickers.db", database())
    return data.getvalue()


PLAIN: Final = database()
ARCHIVE: Final = archive()
SAMPLES: Final = {
    "crypt12": (encrypted.crypt12(PLAIN, SERVER, nonce=NONCE), PLAIN),
    "crypt14": (encrypted.crypt14(PLAIN, SERVER, nonce=NONCE), PLAIN),
    "crypt14 without features": (encrypted.crypt14(PLAIN, SERVER, nonce=NONCE, features=False), PLAIN),
    "crypt14 of files": (encrypted.crypt14(ARCHIVE, SERVER, nonce=NONCE, features=False, several=True), ARCHIVE),
    "crypt15": (encrypted.crypt15(PLAIN, ROOT, nonce=NONCE), PLAIN),
    "crypt15 without features": (encrypted.crypt15(PLAIN, ROOT, nonce=NONCE, features=False), PLAIN),
    "crypt15 of files": (encrypted.crypt15(ARCHIVE, ROOT, nonce=NONCE, features=False, several=True), ARCHIVE),
}


def source_of(data: bytes) -> Source:
    """The bytes as a file."""
    return Source(lambda offset, size: data[offset : offset + size], len(data))


def opened(data: bytes, candidates: Sequence[Candidate] = BOTH) -> bytes:
    """All that a backup holds."""
    return b"".join(Backup.of(source_of(data)).verify(candidates).plain())
