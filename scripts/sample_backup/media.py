"""Media: the kinds of files people send, and stand-ins for them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from sample_backup import MARKER


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of media: how often it is sent, how big it is, how both systems file it."""

    share: float
    weight: float  # mean size beside the other kinds
    android_type: int
    ios_type: int
    mime: str
    folder: str
    prefix: str
    suffix: str
    magic: bytes


JPEG: Final = bytes.fromhex("ffd8ffe000104a46494600010100000100010000")
MP4: Final = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"
OPUS: Final = b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb" + bytes(5)

IMAGE: Final = Kind(0.52, 3, 1, 1, "image/jpeg", "WhatsApp Images", "IMG", "jpg", JPEG)
VOICE: Final = Kind(0.20, 0.5, 2, 3, "audio/ogg; codecs=opus", "WhatsApp Voice Notes", "PTT", "opus", OPUS)
STICKER: Final = Kind(0.12, 0.4, 20, 15, "image/webp", "WhatsApp Stickers", "STK", "webp", b"RIFF\x00\x00\x00\x00WEBP")
VIDEO: Final = Kind(0.07, 30, 3, 2, "video/mp4", "WhatsApp Video", "VID", "mp4", MP4)
GIF: Final = Kind(0.03, 6, 13, 11, "video/mp4", "WhatsApp Animated Gifs", "VID", "mp4", MP4)
DOCUMENT: Final = Kind(0.06, 8, 9, 8, "application/pdf", "WhatsApp Documents", "DOC", "pdf", b"%PDF-1.4\n")
KINDS: Final = (IMAGE, VOICE, STICKER, VIDEO, GIF, DOCUMENT)

THUMBNAIL: Final = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010804000000b51c0c02"
    "0000000b4944415478da63fcff1f0003030200efa2a75b0000000049454e44ae426082"
)
"""A PNG of one pixel."""


def stand_in(kind: Kind, *, size: int, seed: str) -> bytes:
    """Return `size` bytes that begin with the kind's magic number and, if it fits, the marker."""
    rng = random.Random(seed)
    head = kind.magic + MARKER.encode()
    return (head + rng.randbytes(max(0, size - len(head))))[:size]
