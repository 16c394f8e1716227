"""Plan: who wrote what to whom and when, before any file is made."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from sample_backup import MARKER
from sample_backup.media import DOCUMENT, KINDS, STICKER, VOICE, Kind
from sample_backup.words import FIRST_NAMES, GROUPS, PAPERS, sentence

FIRST_MESSAGE_S: Final = int(datetime(2019, 1, 1, tzinfo=UTC).timestamp())
SPAN_S: Final = 6 * 365 * 86400
NAME_MAX: Final = 255


@dataclass(frozen=True, slots=True)
class Options:
    """What a backup shall be like; sizes in bytes."""

    messages: int = 400
    media_files: int = 80
    media_bytes: int = 4_000_000
    contacts: int = 12
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Chat:
    """A person or a group; a person's chat is also their entry among the contacts."""

    name: str
    number: str
    is_group: bool

    @property
    def jid(self) -> str:
        """The address WhatsApp files this chat under."""
        return f"{self.number}@{'g.us' if self.is_group else 's.whatsapp.net'}"


@dataclass(frozen=True, slots=True)
class Media:
    """One media file; `path` is relative to the WhatsApp folder, as the database has it."""

    kind: Kind
    size: int
    path: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message; `number` counts from 1, `sender` is who wrote it, None for the owner."""

    number: int
    time_s: int
    chat: Chat
    sender: Chat | None
    text: str
    key: str
    media: Media | None
    quotes: Message | None
    liked: bool
    contact_card: bool

    @property
    def mtime_ns(self) -> int:
        """When its media file arrived: a time with all nine digits, as real filesystems keep it."""
        return self.time_s * 10**9 + self.number * 7_654_321 % 10**9


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a backup holds."""

    options: Options
    people: list[Chat]
    groups: list[Chat]
    messages: list[Message]


def make_plan(options: Options) -> Plan:
    """Invent a backup; the same options give the same plan."""
    rng = random.Random(options.seed)
    people = [
        Chat(f"{FIRST_NAMES[i % 20]} {chr(65 + i // 20 % 26)}.", f"155501{i:05}", is_group=False)
        for i in range(options.contacts)
    ]
    groups = [
        Chat(f"{GROUPS[i % 5]} {i // 5 or ''}".strip(), f"12036300000{i:07}", is_group=True)
        for i in range(max(1, options.contacts // 4))
    ]
    return Plan(options, people, groups, _messages(options, people, groups, rng))


def _messages(options: Options, people: list[Chat], groups: list[Chat], rng: random.Random) -> list[Message]:
    kinds = _media_by_message(options, rng)
    names = _MediaNames(rng)
    last_in: dict[Chat, Message] = {}
    messages = []
    for i in range(options.messages):
        time_s = FIRST_MESSAGE_S + SPAN_S * i // options.messages + rng.randrange(30)
        chat = rng.choice(groups if rng.random() < 0.4 else people)
        sender = None if rng.random() < 0.45 else rng.choice(people) if chat.is_group else chat
        text = f"{sentence(rng)} {MARKER}" if i % 10 == 0 else sentence(rng)
        media = None
        if i in kinds:
            kind, size = kinds[i]
            media = Media(kind, size, names.path(kind, time_s, sent=sender is None))
        message = Message(
            number=i + 1,
            time_s=time_s,
            chat=chat,
            sender=sender,
            text=text,
            key=rng.randbytes(10).hex().upper(),
            media=media,
            quotes=last_in.get(chat) if rng.random() < 0.05 else None,
            liked=rng.random() < 0.05,
            contact_card=media is None and i % 97 == 5,
        )
        last_in[chat] = message
        messages.append(message)
    return messages


def _media_by_message(options: Options, rng: random.Random) -> dict[int, tuple[Kind, int]]:
    """Spread the media over the messages; sizes vary, their sum is near `media_bytes`."""
    count = min(options.media_files, options.messages)
    places = sorted(rng.sample(range(options.messages), count))
    # One of each kind first, so that a small backup has them all.
    rest = rng.choices(KINDS, [kind.share for kind in KINDS], k=count)
    kinds = [*KINDS, *rest][:count]
    rng.shuffle(kinds)
    weights = [kind.weight * rng.lognormvariate(0, 0.8) for kind in kinds]
    unit = options.media_bytes / (sum(weights) or 1)
    sizes = [max(64, int(weight * unit)) for weight in weights]
    return dict(zip(places, zip(kinds, sizes, strict=True), strict=True))


class _MediaNames:
    """Names media files as the phone does: by kind and day, counting from 0."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._seen: Counter[str] = Counter()

    def path(self, kind: Kind, time_s: int, *, sent: bool) -> str:
        day = datetime.fromtimestamp(time_s, UTC)
        folder = "Sent/" if sent else "Private/" if self._rng.random() < 0.1 else ""
        if kind is VOICE:
            year, week, _ = day.isocalendar()
            folder = f"{year}{week:02}/"
        elif kind is DOCUMENT:
            return f"Media/{kind.folder}/{folder}{self._document()}"
        elif kind is STICKER and self._rng.random() < 0.5:
            return f"Media/{kind.folder}/{folder}{self._rng.randbytes(16).hex()}.webp"
        number = self._count(f"{kind.prefix}-{day:%Y%m%d}")
        return f"Media/{kind.folder}/{folder}{kind.prefix}-{day:%Y%m%d}-WA{number:04}.{kind.suffix}"

    def _count(self, series: str) -> int:
        self._seen[series] += 1
        return self._seen[series] - 1

    def _document(self) -> str:
        number = self._count(DOCUMENT.prefix)
        title = f"{PAPERS[number % len(PAPERS)]} {MARKER} {number}"
        if number == 1:  # the longest name a filesystem takes: 255 bytes, not letters
            room = NAME_MAX - len(f"{title} .pdf".encode())
            title = f"{title} " + "\u00fc" * (room // 2) + "u" * (room % 2)
        elif number == 2:  # an extension cut off, as seen in real backups
            return f"{title}."
        return f"{title}.pdf"
