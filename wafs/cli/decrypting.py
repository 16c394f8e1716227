"""Decrypting: one encrypted file after the other, verified, unpacked and written."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, NamedTuple

from wafs.cli.decrypt_sinks import Sink
from wafs.cli.encrypted_files import EncryptedFile
from wafs.cli.interrupts import Interrupts
from wafs.cli.progress import Progress
from wafs.whatsapp.backup import Backup
from wafs.whatsapp.media import MAX_METADATA, MediaMetadata, media_id, open_metadata, verify_media
from wafs.whatsapp.source import Candidate
from wafs.whatsapp.unpack import content_of
from wafs.whatsapp.verified import Verified

MEDIA: Final = "mcrypt1"
"""What media files are, where backups are crypt12, crypt14 or crypt15."""
_BEGIN: Final = 64


class Plan(NamedTuple):
    """What a file will be called below the place where it goes, and its time."""

    file: EncryptedFile
    path: str
    mtime_ns: int


class Opened(NamedTuple):
    """A file that was verified."""

    plan: Plan
    verified: Verified
    kind: str
    app_version: str | None


class Written(NamedTuple):
    """What was written: its plain size, and what it is (sqlite, zip, json or other)."""

    size: int
    content: str


class Decrypting:
    """Decrypts files with the keys that there are.

    Thread: that of the command.
    """

    def __init__(self, candidates: Sequence[Candidate], progress: Progress, interrupts: Interrupts) -> None:
        self._candidates = candidates
        self._progress = progress
        self._interrupts = interrupts

    def plan(self, file: EncryptedFile) -> Plan:
        """Say where a file will go; of media that stands in their metadata, if these are there.

        Raises: WrongKeyError, DamageError, OSError.
        """
        metadata = self._metadata(file)
        if metadata is None:
            return Plan(file, file.plain_path, file.mtime_ns)
        return Plan(file, metadata.path, metadata.mtime_ns or file.mtime_ns)

    @contextmanager
    def opened(self, plan: Plan) -> Iterator[Opened]:
        """Read all of a file, and hold it open if its tag is right.

        Raises: NotABackupError, WrongKeyError, DamageError, OSError, KeyboardInterrupt.
        """
        file = plan.file
        name = os.path.basename(file.relative)
        self._progress.begin(name)
        with file.open() as source:
            if file.is_media:
                path = plan.path if file.open_metadata is not None else None
                verified = verify_media(source, media_id(name), self._candidates, path, self._advanced)
                yield Opened(plan, verified, MEDIA, None)
            else:
                backup = Backup.of(source)
                verified = backup.verify(self._candidates, self._advanced)
                yield Opened(plan, verified, backup.head.kind.value, backup.head.app_version)

    def measure(self, opened: Opened) -> Written:
        """Unpack without writing, so that what follows cannot fail.

        Raises: as `write`.
        """
        return self._pass(opened, None)

    def write(self, opened: Opened, sink: Sink) -> Written:
        """Decrypt and write all of a file, and give it its name.

        Raises: DamageError, WafsError, OSError, KeyboardInterrupt; then nothing has the name.
        """
        written = self._pass(opened, sink)
        sink.publish(opened.plan.mtime_ns)
        self._progress.done()
        return written

    def _pass(self, opened: Opened, sink: Sink | None) -> Written:
        size, begin = 0, b""
        for piece in opened.verified.plain(self._advanced):
            self._interrupts.check()
            if len(begin) < _BEGIN:
                begin += piece[:_BEGIN]
            size += len(piece)
            if sink is not None:
                sink.write(piece)
        self._interrupts.check()
        return Written(size, content_of(begin))

    def _metadata(self, file: EncryptedFile) -> MediaMetadata | None:
        if file.open_metadata is None or not file.is_media:
            return None
        with file.open_metadata() as source:
            return open_metadata(source.read_at(0, MAX_METADATA + 1), self._candidates)

    def _advanced(self, size: int) -> None:
        self._interrupts.check()
        self._progress.advance(size)
