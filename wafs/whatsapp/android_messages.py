"""Android messages: reads msgstore.db, as it is since 2022 (`message`) and as it was before (`messages`)."""

from collections.abc import Iterator
from typing import Final

from wafs.whatsapp.contacts import Names
from wafs.whatsapp.database import Database, Value, as_bytes
from wafs.whatsapp.messages import MediaRef, MessageCounts, seconds_of
from wafs.whatsapp.months import month_at

_NO_CHAT: Final = (-1, b"-1")
"""The chat of the first row, which is no message."""
_MILLISECONDS: Final = 1000
_MEDIA_TYPES: Final = (1, 2, 3, 9, 13, 20)


def android_reader(db: Database) -> "AndroidMessages | OldAndroidMessages | None":
    """Return what reads this database; None if it is not known.

    Raises: as `Database`.
    """
    if db.columns("message") >= {"chat_row_id", "timestamp"}:
        return AndroidMessages(db)
    if db.columns("messages") >= {"key_remote_jid", "timestamp"}:
        return OldAndroidMessages(db)
    return None


class AndroidMessages:
    """The tables `message`, `message_media`, `chat` and `jid`."""

    schema = "android"

    def __init__(self, db: Database) -> None:
        self._db = db
        self._media = db.columns("message_media")
        self.names_media = self._media >= {"message_row_id", "file_path"}

    def count(self, counts: MessageCounts) -> None:
        """Count the messages; what was counted before an error stays."""
        for chat, time_ms in self._db.rows("SELECT chat_row_id, timestamp FROM message"):
            if chat not in _NO_CHAT:
                counts.add(chat, seconds_of(time_ms, _MILLISECONDS))

    def media(self) -> Iterator[MediaRef]:
        """Yield the media of messages."""
        if not self.names_media:
            return
        size = "file_size" if "file_size" in self._media else "NULL"
        query = (
            f"SELECT {as_bytes('file_path')}, {size},"
            " (SELECT chat_row_id FROM message WHERE message.rowid = message_row_id),"
            " (SELECT timestamp FROM message WHERE message.rowid = message_row_id) FROM message_media"
        )
        for path, length, chat, time_ms in self._db.rows(query):
            number = month_at(seconds_of(time_ms, _MILLISECONDS))
            yield MediaRef(chat, number, self._db.text(path), length if isinstance(length, int) else None)

    def chat_name(self, chat: Value, names: Names) -> str:
        """Return the subject of a group, or the name of a person, else the number."""
        columns = self._db.columns("chat")
        if not isinstance(chat, int) or not columns >= {"subject", "jid_row_id"}:
            return _unnamed(chat)
        has_jid = "raw_string" in self._db.columns("jid")
        address = f"(SELECT {as_bytes('raw_string')} FROM jid WHERE jid.rowid = jid_row_id)" if has_jid else "NULL"
        for subject, jid in self._db.rows(f"SELECT {as_bytes('subject')}, {address} FROM chat WHERE rowid = {chat}"):
            name = self._db.text(subject)
            if name is not None:
                return name.decode("utf-8", "replace")
            return _named(self._db.text(jid), names) or _unnamed(chat)
        return _unnamed(chat)


class OldAndroidMessages:
    """The table `messages`; where media are is said only if there is a table `message_media`, too."""

    schema = "android-old"

    def __init__(self, db: Database) -> None:
        self._db = db
        self._columns = db.columns("messages")
        self.names_media = db.columns("message_media") >= {"message_row_id", "file_path"}

    def count(self, counts: MessageCounts) -> None:
        """Count the messages; what was counted before an error stays."""
        for chat, time_ms in self._db.rows(f"SELECT {as_bytes('key_remote_jid')}, timestamp FROM messages"):
            if chat not in _NO_CHAT:
                counts.add(chat, seconds_of(time_ms, _MILLISECONDS))

    def media(self) -> Iterator[MediaRef]:
        """Yield the media of messages, without a path where the database does not say it."""
        about = f"{as_bytes('key_remote_jid')}, timestamp"
        if self.names_media:
            query = (
                f"SELECT {as_bytes('file_path')},"
                f" (SELECT {as_bytes('key_remote_jid')} FROM messages WHERE messages.rowid = message_row_id),"
                " (SELECT timestamp FROM messages WHERE messages.rowid = message_row_id) FROM message_media"
            )
        elif "media_wa_type" in self._columns:
            types = ", ".join(map(str, _MEDIA_TYPES))
            query = f"SELECT NULL, {about} FROM messages WHERE CAST(media_wa_type AS INTEGER) IN ({types})"
        else:
            return
        for path, chat, time_ms in self._db.rows(query):
            yield MediaRef(chat, month_at(seconds_of(time_ms, _MILLISECONDS)), self._db.text(path), None)

    def chat_name(self, chat: Value, names: Names) -> str:
        """Return the name of a person, else the address."""
        return _named(self._db.text(chat), names) or _unnamed(chat)


def _named(jid: bytes | None, names: Names) -> str | None:
    """Return the name behind an address, else the address as people write it, which for a person is the number."""
    if jid is None:
        return None
    if jid in names:
        return names[jid]
    name, _, server = jid.decode("utf-8", "replace").partition("@")
    return f"+{name}" if server == "s.whatsapp.net" else jid.decode("utf-8", "replace")


def _unnamed(chat: Value) -> str:
    return "no chat" if chat is None else f"chat {chat!r}"
