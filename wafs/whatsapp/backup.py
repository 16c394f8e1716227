"""Backup: finds the key that opens a .crypt12, .crypt14 or .crypt15, and verifies all of it before anything is used."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Self

from wafs.crypto.gcm_stream import GcmStream
from wafs.errors import AuthenticationError, WafsError
from wafs.whatsapp.errors import BackupDamageError, WrongKeyError
from wafs.whatsapp.frame import MAX_HEAD, MD5_SIZE, TAG_SIZE, Head, check_tail, parse_head, tail_size
from wafs.whatsapp.keys import KeyKind
from wafs.whatsapp.source import Advanced, Candidate, Source, tried_words
from wafs.whatsapp.unpack import content_of, looks_right, unpacked
from wafs.whatsapp.verified import PieceDigests, Verified

_LOOK: Final = 4096
_DAMAGED_HINT: Final = "copy it from the phone or the cloud again, or use another one of the backups beside it"
_SOURCES: Final = {
    KeyKind.END_TO_END: (
        "WhatsApp showed the 64 digits when end-to-end encryption of backups was turned on with a key instead of a"
        " password; files/encrypted_backup.key in the app's own folder has them too"
    ),
    KeyKind.SERVER: "it is files/key in the app's own folder, which only a rooted phone gives out",
}


@dataclass(frozen=True, slots=True)
class Backup:
    """An encrypted backup whose head was read; nothing of it is verified yet."""

    source: Source
    head: Head
    stop: int
    """Where the MD5 ends, if there is one."""

    @classmethod
    def of(cls, source: Source) -> Self:
        """Read the head and the last bytes.

        Raises: NotABackupError, BackupDamageError if there is no room for a tag; what reading raises.
        """
        head = parse_head(source.read_at(0, min(MAX_HEAD, source.size)))
        tail = tail_size(head.kind)
        stop = source.size - tail
        if stop - head.body < TAG_SIZE + MD5_SIZE:
            msg = f"the backup is cut off: it ends after {source.size} bytes"
            raise BackupDamageError(msg, hint=_DAMAGED_HINT)
        check_tail(head.kind, source.read_at(stop, tail))
        return cls(source, head, stop)

    def content(self, candidate: Candidate) -> str | None:
        """Tell by the beginning what is in the backup (sqlite, zip, json, other); None if the key does not open it.

        Nothing is verified: good for a list, not for a decision.
        """
        if candidate.key.kind is not self.head.kind.key_kind:
            return None
        begin = self._beginning(candidate)
        if not looks_right(begin):
            return None
        try:
            first = next(unpacked(iter([begin]), self.source.size), b"")
        except WafsError:
            return None
        return content_of(first)

    def verify(self, candidates: Sequence[Candidate], advanced: Advanced = lambda _size: None) -> Verified:
        """Find the key whose tag is right; the file is read once, or twice if none is.

        Raises: WrongKeyError, BackupDamageError; what reading raises.
        """
        possible = [candidate for candidate in candidates if candidate.key.kind is self.head.kind.key_kind]
        if not possible:
            others = tried_words(list(candidates)) if candidates else "none was given"
            msg = f"{self._needs()} ({others})"
            raise WrongKeyError(msg, hint=_SOURCES[self.head.kind.key_kind])
        promising = [candidate for candidate in possible if looks_right(self._beginning(candidate))]
        has_md5 = False
        for trial in (promising, [candidate for candidate in possible if candidate not in promising]):
            if trial:
                reading = _Reading(self, trial)
                reading.run(advanced)
                found = reading.verified()
                if found is not None:
                    return found
                has_md5 = reading.has_md5
        raise self._failure(possible, promising, has_md5=has_md5)

    def _failure(
        self, possible: list[Candidate], promising: list[Candidate], *, has_md5: bool
    ) -> WrongKeyError | BackupDamageError:
        account = self.head.account
        promising = promising or [c for c in possible if account is not None and c.key.account == account]
        if promising and has_md5:
            msg = f"the backup was changed by someone: the key {promising[0].label} fits, but its tag is wrong"
            return BackupDamageError(msg, hint=_DAMAGED_HINT)
        if promising:
            msg = f"the backup is damaged or cut off: the key {promising[0].label} fits, but its tag is wrong"
            return BackupDamageError(msg, hint=_DAMAGED_HINT)
        tried = tried_words(possible)
        if has_md5:
            return WrongKeyError(f"no key fits this backup, which is whole ({tried})")
        msg = f"no key fits this backup ({tried}); or it is damaged, as it has no right checksum"
        return WrongKeyError(msg)

    def _needs(self) -> str:
        if self.head.account is None:
            return f"a {self.head.kind.value} needs a 64-digit key or the file encrypted_backup.key"
        return f"a {self.head.kind.value} needs the file named key from the phone"

    def _beginning(self, candidate: Candidate) -> bytes:
        begin = self.source.read_at(self.head.body, min(_LOOK, self.stop - self.head.body - TAG_SIZE))
        return GcmStream(candidate.key.cipher_key(), self.head.nonce).update(begin)


class _Reading:
    """One reading of a backup, for several keys at a time.

    Whether a backup has an MD5, and so where its tag is, is known at the end: the last 32 bytes wait until then.
    """

    def __init__(self, backup: Backup, candidates: list[Candidate]) -> None:
        self._backup = backup
        self._head = backup.head
        self._candidates = candidates
        self._tag_at = backup.stop - MD5_SIZE - TAG_SIZE
        self._digests = PieceDigests()
        self._streams = [GcmStream(candidate.key.cipher_key(), self._head.nonce) for candidate in candidates]
        self._last = b""
        self.has_md5 = False

    def run(self, advanced: Advanced) -> None:
        """Read all of it."""
        source = self._backup.source
        md5 = hashlib.md5(source.read_at(0, self._head.body), usedforsecurity=False)
        for piece in source.pieces(self._head.body, self._tag_at):
            md5.update(piece)
            self._digests.note(piece)
            for stream in self._streams:
                stream.update(piece)
            advanced(len(piece))
        self._last = source.read_at(self._tag_at, TAG_SIZE + MD5_SIZE)
        md5.update(self._last[:TAG_SIZE])
        self.has_md5 = md5.digest() == self._last[TAG_SIZE:]

    def verified(self) -> Verified | None:
        """Return the backup under the key whose tag is right; once, after `run`."""
        tag, rest = self._last[:TAG_SIZE], b""
        if not self.has_md5:
            rest, tag = tag, self._last[TAG_SIZE:]
        for candidate, stream in zip(self._candidates, self._streams, strict=True):
            stream.update(rest)
            try:
                stream.verify(tag)
            except AuthenticationError:
                continue
            return Verified(
                label=candidate.label,
                source=self._backup.source,
                span=(self._head.body, self._tag_at),
                rest=rest,
                digests=self._digests,
                cipher_key=candidate.key.cipher_key(),
                nonce=self._head.nonce,
                is_packed=True,
            )
        return None
