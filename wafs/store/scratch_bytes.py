"""Scratch bytes: a file of which some bytes were written, and the others are as they are below."""

import contextlib
import errno
import os
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final, NoReturn

from wafs.store import libc
from wafs.store.base import Handle, Store
from wafs.store.scratch_ranges import Piece, Ranges
from wafs.units import MIB

if TYPE_CHECKING:
    from wafs.store.scratch_folder import ScratchFolder

_KEEP_SIZE: Final = 1
_PUNCH_HOLE: Final = 2
_BLOCK: Final = 512
_COPIED: Final = MIB
_Seek = Callable[[int, int, int], int]


class ScratchBytes:
    """The bytes of one file.

    Those that were written lie at their offset in a sparse file of the scratch folder. The others come from the lower
    file, as far as it was never cut, and are zeros behind that. A file of which nothing comes from below is all in the
    folder. `lower` is a handle of the lower file, needed as long as `has_lower` tells so.
    What comes from below is the lower file as it was when this was made: if it has changed since, reading fails with
    ESTALE, so that nobody ever sees a mix of the two.

    Thread: any; `hold` and `let_go` are serialised by the caller.
    """

    __slots__ = ("_end_below", "_fd", "_folder", "_found", "_lock", "_name", "_opens", "_store", "_up", "size")

    def __init__(self, store: Store, folder: "ScratchFolder", found: os.stat_result | None = None) -> None:
        """`found`: the attributes of the lower file, None if there is none."""
        self._store = store
        self._folder = folder
        self._found = found
        self._lock = threading.Lock()
        self._name: bytes | None = None
        self._fd = -1
        self._opens = 0
        self.size = found.st_size if found is not None else 0
        self._end_below = self.size
        self._up = Ranges() if self.size else None

    @property
    def has_lower(self) -> bool:
        """Tell whether bytes come from the lower file."""
        return self._up is not None

    @property
    def is_open(self) -> bool:
        """Tell whether somebody holds it."""
        return self._opens > 0

    @property
    def written(self) -> int:
        """Return how many bytes are in the folder."""
        up = self._up
        return self.size if up is None else up.total

    def blocks(self) -> int:
        """Return the space that the file takes, in units of 512 bytes; what it still takes below is estimated."""
        own = self._folder.stat_file(self._name).st_blocks if self._name is not None else 0
        if self._found is None or self._up is None:
            return own
        return own + max(0, min(self._found.st_blocks, -(-self._end_below // _BLOCK)) - self._up.total // _BLOCK)

    def check(self, lower: Handle) -> None:
        """Refuse a lower file that is not as it was.

        Raises: OSError (ESTALE).
        """
        found, noted = self._store.fstat(lower), self._found
        if noted is None or (found.st_mtime_ns, found.st_size) != (noted.st_mtime_ns, noted.st_size):
            _fail(errno.ESTALE)

    def hold(self) -> None:
        """Count one more who has it open."""
        self._opens += 1

    def let_go(self) -> None:
        """Undo one `hold`; after the last nothing is open any more."""
        self._opens -= 1
        if not self._opens and self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def discard(self) -> None:
        """Give the space back, when the file has lost its last name and nobody has it open."""
        if self._name is not None:
            self._folder.drop_file(self._name)

    def pread(self, lower: Handle | None, size: int, offset: int) -> bytes:
        """Read as pread(2).

        Raises: OSError.
        """
        if self._up is None and self._fd >= 0:
            return os.pread(self._fd, size, offset)
        buffer = bytearray(max(0, min(size, self.size - offset)))
        count = self.preadv(lower, [memoryview(buffer)], offset)
        return bytes(buffer[:count])

    def preadv(self, lower: Handle | None, buffers: list[memoryview], offset: int) -> int:
        """Read as preadv(2).

        Raises: OSError.
        """
        if self._up is None and self._fd >= 0:
            return os.preadv(self._fd, buffers, offset)
        done = 0
        with self._lock:
            for buffer in buffers:
                count = self._fill(lower, buffer, offset + done)
                done += count
                if count < len(buffer):
                    break
        return done

    def pwrite(self, data: bytes | bytearray | memoryview, offset: int) -> int:
        """Write as pwrite(2).

        Raises: OSError.
        """
        with self._lock:
            count = os.pwrite(self._file(), data, offset)
            if count:
                if self._up is not None:
                    self._up.add(offset, offset + count)
                self.size = max(self.size, offset + count)
            return count

    def truncate(self, size: int) -> None:
        """Cut, or extend with zeros.

        Raises: OSError.
        """
        if size < 0:
            _fail(errno.EINVAL)
        with self._lock:
            self._truncate(size)

    def _truncate(self, size: int) -> None:
        end = min(self._end_below, size)
        # What is cut away must not come back when the file grows again.
        if self._up is None or not end or (size < self.size and self._name is not None):
            os.ftruncate(self._file(), size)
        if self._up is not None:
            self._end_below = end
            self._up.cut(size)
            if not end:
                self._up = None
        self.size = size

    def take_up(self, lower: Handle) -> None:
        """Copy all that comes from the lower file, which may change from then on.

        Raises: OSError; nothing is lost then.
        """
        with self._lock:
            buffer = memoryview(bytearray(_COPIED))
            for start, stop, inside in self._pieces(0, self._end_below):
                for offset in () if inside else range(start, stop, _COPIED):
                    part = buffer[: min(_COPIED, stop - offset)]
                    self._fill(lower, part, offset)
                    done = 0
                    while done < len(part):
                        done += os.pwrite(self._file(), part[done:], offset + done)
            os.ftruncate(self._file(), self.size)
            self._up = None

    def fallocate(self, mode: int, offset: int, size: int) -> None:
        """Reserve or punch some bytes as fallocate(2) with the modes 0, KEEP_SIZE and PUNCH_HOLE | KEEP_SIZE.

        Raises: OSError (EOPNOTSUPP for others).
        """
        if mode not in (0, _KEEP_SIZE, _KEEP_SIZE | _PUNCH_HOLE):
            _fail(errno.EOPNOTSUPP)
        with self._lock:
            if mode == 0 and self._up is None:
                libc.fallocate(self._file(), mode, offset, size)
            else:
                libc.fallocate(self._file(), mode | _KEEP_SIZE, offset, size)
            end = offset + size
            if mode == 0:
                self.size = max(self.size, end)
            elif mode & _PUNCH_HOLE and self._up is not None and offset < self.size:
                # A hole in the folder's file is what there is to read now, not what is below.
                self._up.add(offset, min(end, self.size))

    def seek(self, lower: Handle | None, offset: int, whence: int) -> int:
        """Find data or a hole, as lseek(2) with SEEK_DATA or SEEK_HOLE.

        Raises: OSError (ENXIO, EINVAL).
        """
        if whence not in (os.SEEK_DATA, os.SEEK_HOLE):
            _fail(errno.EINVAL)
        with self._lock:
            if not 0 <= offset < self.size:
                _fail(errno.ENXIO)
            for piece in self._pieces(offset, self.size):
                found = self._seek_in(piece, lower, whence)
                if found < piece.stop:
                    return found
            if whence == os.SEEK_DATA:
                _fail(errno.ENXIO)
            return self.size

    def advise(self, lower: Handle | None, offset: int, size: int, advice: int) -> None:
        """Tell how the file will be read; a hint, so what fails is of no account."""
        with contextlib.suppress(OSError):
            if lower is not None and self._up is not None:
                self._store.advise(lower, offset, size, advice)
            if self._fd >= 0:
                os.posix_fadvise(self._fd, offset, size, advice)

    def _file(self) -> int:
        """Return a handle of the folder's file, which is made when it is needed first."""
        if self._fd < 0:
            if self._name is None:
                self._name, self._fd = self._folder.make_file()
            else:
                self._fd = self._folder.open_file(self._name)
        return self._fd

    def _pieces(self, start: int, stop: int) -> Iterable[Piece]:
        return [Piece(start, stop, inside=True)] if self._up is None else self._up.pieces(start, stop)

    def _fill(self, lower: Handle | None, buffer: memoryview, offset: int) -> int:
        """Read into one buffer."""
        end = min(offset + len(buffer), self.size)
        is_from_below = False
        for start, stop, inside in self._pieces(offset, end):
            part = buffer[start - offset : stop - offset]
            if inside:
                done = self._fill_from_folder(part, start)
            else:
                wanted = part[: max(0, self._end_below - start)]
                done = self._fill_from_below(lower, wanted, start) if wanted else 0
                is_from_below = is_from_below or bool(wanted)
            part[done:] = bytes(len(part) - done)
        if is_from_below and lower is not None:
            self.check(lower)
        return max(0, end - offset)

    def _fill_from_folder(self, part: memoryview, offset: int) -> int:
        if self._name is None:
            return 0
        fd = self._file()
        return _fill_from(lambda view, at: os.preadv(fd, [view], at), part, offset)

    def _fill_from_below(self, lower: Handle | None, part: memoryview, offset: int) -> int:
        if lower is None:
            _fail(errno.ESTALE)
        done = _fill_from(lambda view, at: self._store.preadv(lower, [view], at), part, offset)
        if done < len(part):
            _fail(errno.ESTALE)
        return done

    def _seek_in(self, piece: Piece, lower: Handle | None, whence: int) -> int:
        """Return where data or a hole begins in a piece; its end if there is none."""
        start, stop, inside = piece
        if inside:
            seek, handle, end = os.lseek, self._file(), stop
        else:
            seek, handle, end = self._store.seek, -1 if lower is None else lower, min(stop, self._end_below)
        if start < end:
            found = min(_seek_or_end(seek, handle, start, whence), end)
            if found < end:
                return found
            start = end
        # Behind what the file below gives there are zeros, which take no space.
        return start if whence == os.SEEK_HOLE else stop


def _fill_from(read: Callable[[memoryview, int], int], part: memoryview, offset: int) -> int:
    done = 0
    while done < len(part) and (count := read(part[done:], offset + done)):
        done += count
    return done


def _seek_or_end(seek: _Seek, handle: int, offset: int, whence: int) -> int:
    """Seek; behind the end there is no data, and nothing but a hole."""
    try:
        return seek(handle, offset, whence)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        return offset if whence == os.SEEK_HOLE else 1 << 62


def _fail(code: int) -> NoReturn:
    raise OSError(code, os.strerror(code))
