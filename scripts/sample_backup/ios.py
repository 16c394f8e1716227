"""iOS layout: an unencrypted backup as Finder makes it, with only WhatsApp's part in it."""

from __future__ import annotations

import hashlib
import os
import plistlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from sample_backup import ios_schema as schema
from sample_backup.media import stand_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sample_backup.plan import Chat, Message, Plan


def write_ios(plan: Plan, root: Path) -> None:
    """Write the backup into the folder `root`, which must not exist or be empty."""
    root.mkdir(parents=True, exist_ok=True)
    newest_ns = max((message.mtime_ns for message in plan.messages), default=0)
    folder = _BackupFolder(root)
    for message in plan.messages:
        if message.media:
            seed = f"{plan.options.seed}:{message.number}"
            data = stand_in(message.media.kind, size=message.media.size, seed=seed)
            folder.add(f"Message/{_media_path(message)}", data, message.mtime_ns)
    folder.add("ChatStorage.sqlite", _database(schema.CHATS, _chat_rows(plan)), newest_ns)
    folder.add("ContactsV2.sqlite", _database(schema.CONTACTS, _contact_rows(plan)), newest_ns)
    folder.close(newest_ns)


def _media_path(message: Message) -> str:
    """`Media/JID/x/y/UUID.suffix`, as ZMEDIALOCALPATH has it."""
    assert message.media
    digits = hashlib.md5(message.key.encode()).hexdigest()
    uuid = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    suffix = message.media.kind.suffix
    return f"Media/{message.chat.jid}/{digits[0]}/{digits[1]}/{uuid}.{suffix}"


Row = tuple[str, tuple[object, ...]]


def _contact_rows(plan: Plan) -> Iterable[Row]:
    for i, person in enumerate(plan.people, 1):
        yield "ZWAADDRESSBOOKCONTACT", (i, person.jid, "Hey there!")


def _chat_rows(plan: Plan) -> Iterable[Row]:
    numbers: dict[Chat, int] = {}
    for i, chat in enumerate([*plan.people, *plan.groups], 1):
        numbers[chat] = i
        yield "ZWACHATSESSION", (i, chat.jid, chat.name, i if chat.is_group else None, 0)
        if not chat.is_group:
            yield "ZWAPROFILEPUSHNAME", (i, chat.jid, chat.name.lower())
            yield "ZWAGROUPMEMBER", (i, chat.jid)
    for message in plan.messages:
        i, media, sender = message.number, message.media, message.sender
        member = numbers[sender] if sender and message.chat.is_group else None
        time_s = message.time_s - schema.EPOCH_S
        yield (
            "ZWAMESSAGE",
            (
                i,
                numbers[message.chat],
                member,
                int(sender is None),
                time_s,
                time_s,
                None if media else message.text,
                media.kind.ios_type if media else schema.TYPE_TEXT,
                message.key,
                i if media else None,
            ),
        )
        if media:
            caption = message.text if i % 3 == 0 else None
            row = (i, i, _media_path(message), None, media.kind.mime, None, None, caption, None)
            yield "ZWAMEDIAITEM", row


def _database(tables: str, rows: Iterable[Row]) -> bytes:
    """Return the bytes of a database with these tables and rows."""
    with closing(sqlite3.connect(":memory:")) as db:
        db.executescript(tables)
        for table, row in rows:
            db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        db.commit()
        return db.serialize()


class _BackupFolder:
    """Files under the SHA-1 of their path, and the manifest that says which is which."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._entries: dict[str, tuple[int, int, int]] = {}

    def add(self, path: str, data: bytes, mtime_ns: int) -> None:
        name = self._name(path)
        place = self._root / name[:2] / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(data)
        os.utime(place, ns=(mtime_ns, mtime_ns))
        self._entries[path] = (schema.FLAG_FILE, mtime_ns // 10**9, len(data))
        parts = path.split("/")
        for depth in range(1, len(parts)):
            self._entries["/".join(parts[:depth])] = (schema.FLAG_FOLDER, mtime_ns // 10**9, 0)

    def close(self, mtime_ns: int) -> None:
        manifest = self._root / "Manifest.db"
        rows = sorted(self._entries.items())
        manifest.write_bytes(_database(schema.MANIFEST, (self._row(*row) for row in rows)))
        for path in [*self._root.glob("??"), manifest, self._root]:
            os.utime(path, ns=(mtime_ns, mtime_ns))

    def _row(self, path: str, entry: tuple[int, int, int]) -> Row:
        flag, time_s, size = entry
        times = {"Birth": time_s, "LastModified": time_s, "Size": size}
        archive = {
            "$version": 100_000,
            "$archiver": "NSKeyedArchiver",
            "$top": {"root": plistlib.UID(1)},
            "$objects": ["$null", {**times, "RelativePath": plistlib.UID(2)}, path],
        }
        blob = plistlib.dumps(archive, fmt=plistlib.FMT_BINARY)
        return "Files", (self._name(path), schema.DOMAIN, path, flag, blob)

    @staticmethod
    def _name(path: str) -> str:
        return hashlib.sha1(f"{schema.DOMAIN}-{path}".encode()).hexdigest()
