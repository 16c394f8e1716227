"""Encrypted files: what a phone and a cloud drive have of a backup, beside a plain one made by `write_android`.

WhatsApp/Databases/msgstore.db.crypt15          the newest; also one of the day before
WhatsApp/Databases/msgstore-2024-05-01.1.db.crypt14, msgstore-2020-05-01.1.db.crypt12   from before encryption was on
WhatsApp/Backups/wa.db.crypt15, stickers.db.crypt15 (a ZIP), chatsettingsbackup.db.crypt15
cloud/<64 digits>.mcrypt1 and .mcrypt1-metadata      of some media
keys/encrypted_backup.key, 64-digit-key.txt, key
"""

from __future__ import annotations

import io
import os
import zipfile
from typing import TYPE_CHECKING, Final

from sample_backup import encrypted

if TYPE_CHECKING:
    from pathlib import Path

_DAY_NS: Final = 86_400 * 10**9
_CLOUD_FILES: Final = 5


def write_encrypted(root: Path, *, seed: str = "phone") -> None:
    """Write them into the folder `root` of an Android backup, which keeps its own files."""
    key, server = encrypted.root_key(seed), encrypted.server_key(seed)
    database = (root / "msgstore.db").read_bytes()
    newest_ns = (root / "msgstore.db").stat().st_mtime_ns
    files = {
        "Databases/msgstore.db.crypt15": encrypted.crypt15(database, key, nonce=encrypted.nonce_of("newest")),
        "Databases/msgstore-2026-09-30.1.db.crypt15": encrypted.crypt15(
            database, key, nonce=encrypted.nonce_of("day before")
        ),
        "Databases/msgstore-2024-05-01.1.db.crypt14": encrypted.crypt14(
            database, server, nonce=encrypted.nonce_of("2024")
        ),
        "Databases/msgstore-2020-05-01.1.db.crypt12": encrypted.crypt12(
            database, server, nonce=encrypted.nonce_of("2020")
        ),
        "Backups/wa.db.crypt15": _small((root / "wa.db").read_bytes(), key, "contacts"),
        "Backups/chatsettingsbackup.db.crypt15": _small(database[:4096], key, "settings"),
        "Backups/stickers.db.crypt15": encrypted.crypt15(
            _archive(), key, nonce=encrypted.nonce_of("stickers"), features=False, several=True
        ),
    }
    for number, (name, data) in enumerate(files.items()):
        path = root / "WhatsApp" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        os.utime(path, ns=(newest_ns - number * _DAY_NS,) * 2)
    _write_cloud(root, key)
    keys = root / "keys"
    keys.mkdir()
    digits = key.hex()
    grouped = " ".join(digits[place : place + 4] for place in range(0, 64, 4))
    (keys / "64-digit-key.txt").write_text(grouped + "\n")
    (keys / "encrypted_backup.key").write_bytes(encrypted.root_key_file(key))
    (keys / "key").write_bytes(server.file())


def _small(plain: bytes, key: bytes, name: str) -> bytes:
    return encrypted.crypt15(plain, key, nonce=encrypted.nonce_of(name), features=False)


def _archive() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("stickers.db"), b"SQLite format 3\0")
    return data.getvalue()


def _write_cloud(root: Path, key: bytes) -> None:
    cloud = root / "cloud"
    cloud.mkdir()
    media = sorted(path for path in (root / "WhatsApp/Media").rglob("*") if path.is_file() and path.stat().st_size)
    for path in media[:_CLOUD_FILES]:
        relative = path.relative_to(root / "WhatsApp").as_posix()
        files = encrypted.mcrypt1(path.read_bytes(), relative, key)
        (cloud / files.name).write_bytes(files.data)
        (cloud / f"{files.name}-metadata").write_text(files.metadata)
