"""Android layout: msgstore.db and wa.db beside the WhatsApp folder with its media."""

from __future__ import annotations

import base64
import hashlib
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from sample_backup import android_schema as schema
from sample_backup.media import IMAGE, KINDS, THUMBNAIL, VIDEO, VOICE, stand_in

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sample_backup.plan import Chat, Media, Message, Plan

HIDDEN_PEOPLE: Final = 3
EMPTY_FILE: Final = "Media/WhatsApp Documents/cut off while downloading.docx"


def write_android(plan: Plan, root: Path) -> None:
    """Write the backup into the folder `root`, which must not exist or be empty."""
    whatsapp = root / "WhatsApp"
    _folders(whatsapp)
    hashes = {
        message.number: _media_file(plan, message, message.media, whatsapp)
        for message in plan.messages
        if message.media
    }
    with closing(sqlite3.connect(root / "msgstore.db")) as db:
        db.executescript(schema.MSGSTORE)
        _Writer(db, plan, hashes).write()
        db.commit()
    with closing(sqlite3.connect(root / "wa.db")) as db:
        db.executescript(schema.CONTACTS)
        _insert(
            db,
            "wa_contacts",
            (
                (i, person.jid, person.name, person.name.lower(), "Hey there!", f"+{person.number}")
                for i, person in enumerate(plan.people, 1)
            ),
        )
        db.commit()
    _set_times(plan, root)


def _insert(db: sqlite3.Connection, table: str, rows: Iterable[tuple[object, ...]]) -> None:
    for row in rows:
        db.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)


def _folders(whatsapp: Path) -> None:
    for name in ("Backups", "Databases", "Media/.Statuses", "Media/WhatsApp Profile Photos"):
        (whatsapp / name).mkdir(parents=True)
    for kind in KINDS:
        folder = whatsapp / "Media" / kind.folder
        for name in ("Sent", "Private"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / ".nomedia").touch()
    (whatsapp / EMPTY_FILE).touch()


def _media_file(plan: Plan, message: Message, media: Media, whatsapp: Path) -> str:
    """Write one media file and return its hash as the database keeps it."""
    data = stand_in(media.kind, size=media.size, seed=f"{plan.options.seed}:{message.number}")
    path = whatsapp / media.path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    path.chmod(0o600 if path.parent.name == "Private" else 0o644)
    os.utime(path, ns=(message.mtime_ns, message.mtime_ns))
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def _set_times(plan: Plan, root: Path) -> None:
    """Give everything that has no date of its own, folders included, that of the last message."""
    newest = max((message.mtime_ns for message in plan.messages), default=0)
    dated = {root / "WhatsApp" / m.media.path for m in plan.messages if m.media}
    for path in [*root.rglob("*"), root]:
        if path not in dated:
            os.utime(path, ns=(newest, newest))


class _Writer:
    """Fills msgstore.db; row ids are given out in the order of the plan."""

    def __init__(self, db: sqlite3.Connection, plan: Plan, hashes: dict[int, str]) -> None:
        self._db = db
        self._plan = plan
        self._hashes = hashes
        chats = [*plan.people, *plan.groups]
        self._jid = {chat: number for number, chat in enumerate(chats, 1)}
        self._chat = self._jid

    def write(self) -> None:
        for chat in self._jid:
            self._add_chat(chat)
        for row, person in enumerate(self._plan.people[:HIDDEN_PEOPLE], len(self._jid) + 1):
            hidden = f"9{person.number}"
            self._add("jid", row, hidden, "lid", schema.JID_HIDDEN, f"{hidden}@lid")
            self._add("jid_map", row, self._jid[person])
        for message in self._plan.messages:
            self._add_message(message)
            self._add_extras(message)
            if message.media:
                self._add_media(message, message.media)
        for i, person in enumerate(self._plan.people[:4], 1):
            call = (i % 2, f"call:{i}", self._plan.messages[-1].time_s * 1000, i % 2, 60 * i)
            self._add("call_log", i, self._jid[person], *call, schema.CALL_ANSWERED, 12_345)

    def _add(self, table: str, *row: object) -> None:
        _insert(self._db, table, [row])

    def _add_chat(self, chat: Chat) -> None:
        row = self._jid[chat]
        server = chat.jid.partition("@")[2]
        kind = schema.JID_GROUP if chat.is_group else schema.JID_PERSON
        self._add("jid", row, chat.number, server, kind, chat.jid)
        self._add("chat", row, row, 0, chat.name if chat.is_group else None)

    def _add_message(self, message: Message) -> None:
        sender = message.sender
        kind = schema.TYPE_CONTACT_CARD if message.contact_card else schema.TYPE_TEXT
        self._add(
            "message",
            message.number,
            self._chat[message.chat],
            int(sender is None),
            message.key,
            self._jid[sender] if sender and message.chat.is_group else 0,
            0 if sender else schema.STATUS_READ,
            0,
            message.time_s * 1000,
            message.time_s * 1000 + 900,
            message.media.kind.android_type if message.media else kind,
            # Every third picture has a caption; other media have none.
            message.text if message.media is None or message.number % 3 == 0 else None,
            0,
            message.number,
        )

    def _add_extras(self, message: Message) -> None:
        row, time_ms = message.number, message.time_s * 1000
        if message.sender is None:
            self._add("receipt_user", None, row, time_ms + 2_000, time_ms + 60_000, None)
        if message.quotes:
            self._add("message_quoted", row, message.quotes.key, message.quotes.text)
        if message.liked:
            chat, add_on = self._chat[message.chat], schema.ADD_ON_REACTION
            self._add("message_add_on", row, chat, 1, None, row, time_ms + 5_000, add_on)
            self._add("message_add_on_reaction", row, "\U0001f44d", time_ms + 5_000)
        if message.contact_card:
            person = self._plan.people[row % len(self._plan.people)]
            card = f"BEGIN:VCARD\nVERSION:3.0\nFN:{person.name}\nTEL:+{person.number}\nEND:VCARD\n"
            self._add("message_vcard", None, row, card)

    def _add_media(self, message: Message, media: Media) -> None:
        file_hash = self._hashes[message.number]
        spoken = message.text if media.kind is VOICE and message.number % 3 == 0 else None
        self._add(
            "message_media",
            message.number,
            self._chat[message.chat],
            media.path,
            f"https://media.example/{message.key}",
            media.kind.mime,
            hashlib.sha256(message.key.encode()).digest(),
            file_hash,
            media.size,
            media.path.rpartition("/")[2],
            spoken,
        )
        if media.kind in (IMAGE, VIDEO) and message.number % 2:
            self._add("media_hash_thumbnail", file_hash, THUMBNAIL)
