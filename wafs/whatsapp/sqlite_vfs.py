"""SQLite VFS: lets SQLite read a database through Python, and keeps all that it would write in memory.

SQLite sees one folder with at most three files, the database, its -wal and its -journal, and nothing else of the
machine: it can open, make and delete no other file.
"""

from typing import TYPE_CHECKING, Final

import apsw

from wafs.errors import WafsError
from wafs.units import MIB
from wafs.whatsapp.memory_file import MemoryFile, NoRoomError, RandomAccess, Room

if TYPE_CHECKING:
    from collections.abc import Mapping

MAIN: Final = "/db"
WAL: Final = "/db-wal"
JOURNAL: Final = "/db-journal"

_WRITTEN_MOST: Final = 64 * MIB
_KINDS: Final = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL


class SourceVfs(apsw.VFS):
    """Serves one database; `sources` has what there is under the names `MAIN`, `WAL` and `JOURNAL`.

    `failure` is the first error of a source: SQLite itself only knows that reading failed.
    Thread: that of the connection. Register and unregister it by `name`; it must outlive the connection.
    """

    def __init__(self, name: str, sources: "Mapping[str, RandomAccess]") -> None:
        room = Room(_WRITTEN_MOST)
        self.name = name
        self.failure: WafsError | OSError | None = None
        self._room = room
        self._files = {path: MemoryFile(source, room) for path, source in sources.items()}
        super().__init__(name, "")

    def xFullPathname(self, name: str) -> str:  # noqa: N802  the name is apsw's
        """Return the name: there is only one folder."""
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: ARG002, N802
        """Tell whether a file is there."""
        return pathname in self._files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: ARG002, FBT001, N802
        """Delete a file, as far as SQLite can see."""
        gone = self._files.pop(filename, None)
        if gone is not None:
            gone.truncate(0)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:  # noqa: N802
        """Open one of the three files; no other, and no temporary one."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        if path not in (MAIN, WAL, JOURNAL) or not flags[0] & _KINDS:
            raise apsw.CantOpenError
        file = self._files.get(path)
        if file is None:
            if path == MAIN:
                raise apsw.CantOpenError
            file = self._files[path] = MemoryFile(None, self._room)
        flags[1] = flags[0]
        return _OpenFile(self, file)  # type: ignore[return-value]  # apsw asks for the methods, not for the class


class _OpenFile:
    """An open file as SQLite knows it. Nobody else has it, so locks mean nothing."""

    # It is no apsw.VFSFile on purpose: without shared memory SQLite keeps the index of a WAL in its own.
    def __init__(self, vfs: SourceVfs, file: MemoryFile) -> None:
        self._vfs = vfs
        self._file = file

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        try:
            return self._file.read(offset, amount)
        except (WafsError, OSError) as error:
            raise self._failed(error) from None

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        try:
            self._file.write(offset, bytes(data))
        except NoRoomError:
            raise apsw.FullError from None
        except (WafsError, OSError) as error:
            raise self._failed(error) from None

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._file.truncate(newsize)

    def xFileSize(self) -> int:  # noqa: N802
        return self._file.size

    def xSync(self, flags: int) -> None:  # noqa: N802
        pass

    def xClose(self) -> None:  # noqa: N802
        pass

    def xLock(self, level: int) -> None:  # noqa: N802
        pass

    def xUnlock(self, level: int) -> None:  # noqa: N802
        pass

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, op: int, pointer: int) -> bool:  # noqa: ARG002, N802
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return 4096

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return 0

    def _failed(self, error: WafsError | OSError) -> apsw.IOError:
        self._vfs.failure = self._vfs.failure or error
        return apsw.IOError("the vault could not be read")
