"""iOS messages: reads ChatStorage.sqlite."""

from collections.abc import Iterator
from typing import Final

from wafs.whatsapp.contacts import Names
from wafs.whatsapp.database import Database, Value, as_bytes
from wafs.whatsapp.messages import MediaRef, MessageCounts, seconds_of
from wafs.whatsapp.months import APPLE_EPOCH_S, month_at

_MESSAGE: Final = frozenset({"zchatsession", "zmessagedate"})
_MEDIA: Final = frozenset({"zmessage", "zmedialocalpath"})


def ios_reader(db: Database) -> "IosMessages | None":
    """Return what reads this database; None if it is not known.

    Raises: as `Database`.
    """
    return IosMessages(db) if db.columns("ZWAMESSAGE") >= _MESSAGE else None


class IosMessages:
    """The tables ZWAMESSAGE, ZWAMEDIAITEM and ZWACHATSESSION. Paths of media are below the folder `Message`."""

    schema = "ios"

    def __init__(self, db: Database) -> None:
        self._db = db
        self._media = db.columns("ZWAMEDIAITEM")
        self.names_media = self._media >= _MEDIA

    def count(self, counts: MessageCounts) -> None:
        """Count the messages; what was counted before an error stays."""
        for chat, time_s in self._db.rows("SELECT ZCHATSESSION, ZMESSAGEDATE FROM ZWAMESSAGE"):
            counts.add(chat, _since_1970(time_s))

    def media(self) -> Iterator[MediaRef]:
        """Yield the media of messages; an item without path and address is a link or a place, and no medium."""
        if not self.names_media:
            return
        size = "ZFILESIZE" if "zfilesize" in self._media else "NULL"
        where = " OR ZMEDIAURL IS NOT NULL" if "zmediaurl" in self._media else ""
        query = (
            f"SELECT {as_bytes('ZMEDIALOCALPATH')}, {size},"
            " (SELECT ZCHATSESSION FROM ZWAMESSAGE WHERE ZWAMESSAGE.rowid = ZMESSAGE),"
            " (SELECT ZMESSAGEDATE FROM ZWAMESSAGE WHERE ZWAMESSAGE.rowid = ZMESSAGE)"
            f" FROM ZWAMEDIAITEM WHERE ZMEDIALOCALPATH IS NOT NULL{where}"
        )
        for path, length, chat, time_s in self._db.rows(query):
            number = month_at(_since_1970(time_s))
            yield MediaRef(chat, number, self._db.text(path), length if isinstance(length, int) else None)

    def chat_name(self, chat: Value, names: Names) -> str:
        """Return the name of a person or a group, which the database has itself."""
        del names
        columns = self._db.columns("ZWACHATSESSION")
        if isinstance(chat, int) and columns >= {"zpartnername", "zcontactjid"}:
            query = (
                f"SELECT {as_bytes('ZPARTNERNAME')}, {as_bytes('ZCONTACTJID')} FROM ZWACHATSESSION WHERE rowid = {chat}"
            )
            for partner, jid in self._db.rows(query):
                name = self._db.text(partner) or self._db.text(jid)
                if name is not None:
                    return name.decode("utf-8", "replace")
        return "no chat" if chat is None else f"chat {chat!r}"


def _since_1970(value: Value) -> float | None:
    seconds = seconds_of(value)
    return None if seconds is None else seconds + APPLE_EPOCH_S
