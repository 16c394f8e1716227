"""Messages: what a message database tells, whichever phone it comes from."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from wafs.whatsapp.contacts import Names
from wafs.whatsapp.database import Value
from wafs.whatsapp.months import Month, month_at


class MediaRef(NamedTuple):
    """A medium of a message. `path` is as the database has it, None if the phone never had the file."""

    chat: Value
    month: Month | None
    path: bytes | None
    size: int | None


@dataclass(slots=True)
class MessageCounts:
    """How many messages there are and from when; times in seconds since 1970."""

    messages: int = 0
    chats: int = 0
    oldest_s: float | None = None
    newest_s: float | None = None
    months: Counter[Month] = field(default_factory=Counter)
    _chats: set[Value] = field(default_factory=set)

    def add(self, chat: Value, seconds: float | None) -> None:
        """Count one message."""
        self.messages += 1
        if len(self._chats) < _CHATS_MOST:
            self._chats.add(chat)
            self.chats = len(self._chats)
        number = month_at(seconds)
        if number is None or seconds is None:
            return
        self.months[number] += 1
        self.oldest_s = seconds if self.oldest_s is None else min(self.oldest_s, seconds)
        self.newest_s = seconds if self.newest_s is None else max(self.newest_s, seconds)


_CHATS_MOST = 1_000_000


class MessageReader(Protocol):
    """Reads one message database. Raises: as `Database`, in every method."""

    @property
    def schema(self) -> str:
        """Return a word for how the database is made."""

    @property
    def names_media(self) -> bool:
        """Tell whether the database says where media are."""

    def count(self, counts: MessageCounts) -> None:
        """Count the messages; what was counted before an error stays."""

    def media(self) -> Iterator[MediaRef]:
        """Yield the media of messages."""

    def chat_name(self, chat: Value, names: Names) -> str:
        """Return how a person knows a chat; `names` are those of contacts."""


def seconds_of(value: Value, unit: float = 1) -> float | None:
    """Return a time of a database in seconds, None if it is none; `unit` is how many of its units make a second."""
    return value / unit if isinstance(value, (int, float)) and value > 0 else None
