"""Salvage report: what of a vault could not be copied out whole, as a JSON file beside what could.

The object in `wafs-salvage.json` has these members; all sizes and offsets are in bytes of the plain files:

    format       1
    vault        path of the vault
    wafs         version that wrote the report
    finished     false if the work was stopped before its end
    stopped      why, or null
    counts       files_whole, files_damaged, files_lost, folders, symlinks, bytes_saved, bytes_lost
    items        one object for each thing that is not simply whole:
        what         damaged | lost | unnamed | attributes | conflict | left-out | refused (see `What`)
        path         plain path in the vault, or null if its name is lost
        saved_as     path below DEST, or null if nothing could be saved
        entry        path of the encrypted file below the vault's folder
        size         size of the saved file, or null
        gaps         list of {start, stop, why}: bytes from start to before stop are zeros in the saved file
        problems     list of sentences

A byte of a name that is not UTF-8 becomes a lone surrogate, as Python does it.
"""

import json
import os
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple, Self

from wafs import __version__

REPORT_NAME: Final = "wafs-salvage.json"
FORMAT: Final = 1
_ROOM: Final = 64 * 1024
"""Bytes that are kept free for the report, so that a disk that is full later on still takes it."""


class What(Enum):
    """What became of a thing that is not simply whole."""

    DAMAGED = "damaged"
    """Saved with gaps, or with contents that cannot be proved to be right."""
    LOST = "lost"
    """Nothing of it could be read."""
    UNNAMED = "unnamed"
    """Saved in the folder for lost names."""
    ATTRIBUTES = "attributes"
    """Saved, but some of its extended attributes could not be read."""
    CONFLICT = "conflict"
    """A second version that a sync program left; saved beside the first."""
    LEFT_OUT = "left-out"
    """Not made by wafs, or nothing that can be copied."""
    REFUSED = "refused"
    """Whole in the vault, but the place it was to be saved in did not take it."""

    @property
    def is_damage(self) -> bool:
        """Tell whether something of the vault was lost."""
        return self in (What.DAMAGED, What.LOST, What.UNNAMED, What.ATTRIBUTES)


class Gap(NamedTuple):
    """Plain bytes from `start` to before `stop` that could not be read; `why` is a `Quality` as a word."""

    start: int
    stop: int
    why: str


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is not simply whole; `path` is that in the vault, `saved_as` that below DEST."""

    what: What
    entry: bytes
    path: bytes | None = None
    saved_as: bytes | None = None
    size: int | None = None
    gaps: tuple[Gap, ...] = ()
    problems: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """Return the object for the report."""
        return {
            "what": self.what.value,
            "path": _text(self.path),
            "saved_as": _text(self.saved_as),
            "entry": _text(self.entry),
            "size": self.size,
            "gaps": [gap._asdict() for gap in self.gaps],
            "problems": list(self.problems),
        }


@dataclass(slots=True)
class Report:
    """What was done so far."""

    vault: str
    items: list[Item] = field(default_factory=list)
    files_whole: int = 0
    files_damaged: int = 0
    files_lost: int = 0
    folders: int = 0
    symlinks: int = 0
    bytes_saved: int = 0
    bytes_lost: int = 0
    finished: bool = False
    stopped: str | None = None

    @property
    def is_damaged(self) -> bool:
        """Tell whether something of the vault was lost."""
        return any(item.what.is_damage for item in self.items)

    @property
    def is_refused(self) -> bool:
        """Tell whether the place to save in did not take something."""
        return any(item.what is What.REFUSED for item in self.items)

    def encode(self) -> bytes:
        """Return the JSON text."""
        names = ("files_whole", "files_damaged", "files_lost", "folders", "symlinks", "bytes_saved", "bytes_lost")
        facts: dict[str, object] = {
            "format": FORMAT,
            "vault": self.vault,
            "wafs": __version__,
            "finished": self.finished,
            "stopped": self.stopped,
            "counts": {name: getattr(self, name) for name in names},
            "items": [item.as_json() for item in self.items],
        }
        return json.dumps(facts, indent=1).encode() + b"\n"


class ReportFile:
    """The report on the disk: valid JSON at any time, with room kept for its final text.

    Close it after use.
    """

    def __init__(self, path: str | bytes, report: Report) -> None:
        """Make the file.

        Raises: OSError.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = open(os.open(path, flags, 0o600), "wb", buffering=0)  # noqa: SIM115  closed by `close`
        try:
            self._put(report.encode().ljust(_ROOM))
        except BaseException:
            self.close()
            raise

    @property
    def identity(self) -> tuple[int, int]:
        """Return device and inode number of the file."""
        found = os.fstat(self._file.fileno())
        return found.st_dev, found.st_ino

    def write(self, report: Report) -> None:
        """Write the report as it is now.

        Raises: OSError.
        """
        self._put(report.encode())

    def _put(self, data: bytes) -> None:
        fd, done = self._file.fileno(), 0
        while done < len(data):
            done += os.pwrite(fd, data[done:], done)
        os.ftruncate(fd, len(data))

    def close(self) -> None:
        """Give the file back."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _text(name: bytes | None) -> str | None:
    return None if name is None else os.fsdecode(name)
