"""Processes: what several of them may do with the same files at once; each check gets an empty folder."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import mmap
import os
import sys
import traceback
from typing import TYPE_CHECKING

from mount.tour.content import code_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROCESSES = 4


@contextlib.contextmanager
def together(act: Callable[[int], None], count: int = PROCESSES) -> Iterator[None]:
    """Run `act` in some processes, begun at once; in the end all must have ended well."""
    gate, opener = os.pipe()
    children = []
    for number in range(count):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.close(opener)
                os.read(gate, 1)
                act(number)
                code = 0
            except BaseException:  # noqa: BLE001
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        children.append(child)
    os.close(gate)
    os.close(opener)
    try:
        yield
    finally:
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert codes == [0] * count, codes


def check_records_that_are_appended_at_once_are_all_there(top: str) -> None:
    def append(number: int) -> None:
        fd = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        for line in range(200):
            os.write(fd, b"%d %d %s\n" % (number, line, b"x" * (line * 7 % 300)))
        os.close(fd)

    with together(append):
        pass
    with open("log", "rb") as file:
        found = file.read().splitlines()
    assert len(found) == PROCESSES * 200
    for number in range(PROCESSES):
        mine = [line for line in found if line.startswith(b"%d " % number)]
        assert mine == [b"%d %d %s" % (number, line, b"x" * (line * 7 % 300)) for line in range(200)]


def check_only_one_makes_a_file(top: str) -> None:
    def race(number: int) -> None:
        for which in range(100):
            with contextlib.suppress(FileExistsError):
                fd = os.open(f"file-{which}", os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
                os.write(fd, b"%d" % number)
                os.close(fd)
            with contextlib.suppress(FileExistsError):
                os.mkdir(f"folder-{which}")
                os.close(os.open(f"mine-{which}-{number}", os.O_CREAT, 0o600))

    with together(race):
        pass
    names = os.listdir(".")
    assert sum(name.startswith("mine-") for name in names) == 100
    for which in range(100):
        with open(f"file-{which}", "rb") as file:
            assert file.read() in {b"%d" % number for number in range(PROCESSES)}


def check_a_name_that_is_replaced_is_never_missing(top: str) -> None:
    """A storm of renames over one name: who opens it finds one of the versions, and that whole."""
    versions = [bytes([65 + number]) * (20_000 + number) for number in range(PROCESSES)]

    def replace(number: int) -> None:
        for _ in range(100):
            with open(f"new-{number}", "wb") as file:
                file.write(versions[number])
            os.rename(f"new-{number}", "file")

    with open("file", "wb") as first:
        first.write(versions[0])
    with together(replace):
        for _ in range(300):
            with open("file", "rb") as file:
                assert file.read() in versions
            assert os.stat("file").st_nlink in (0, 1)
    assert os.listdir(".") == ["file"]


def check_folders_that_move_about_lose_nothing(top: str) -> None:
    """A storm of moves between folders that move themselves: each file is somewhere, once."""
    # One token stays in each: a folder that is empty may be replaced by another that moves.
    for number in range(6):
        os.makedirs(f"folder-{number}")
        for token in range(6):
            os.close(os.open(f"folder-{number}/token-{number}-{token}", os.O_CREAT, 0o600))
    allowed = {errno.ENOENT, errno.ENOTEMPTY, errno.EEXIST, errno.EINVAL, errno.ENOTDIR}

    def dance(number: int) -> None:
        for step in range(150):
            one, two = (step * 7 + number) % 6, (step * 5 + number * 3 + 1) % 6
            moves = (
                (f"folder-{one}", f"folder-{two}/below"),
                (f"folder-{two}/below", f"folder-{one}"),
                (f"folder-{one}/token-{one}-{step % 5}", f"folder-{two}/token-{one}-{step % 5}"),
                (f"folder-{two}/token-{one}-{step % 5}", f"folder-{one}/token-{one}-{step % 5}"),
            )
            assert code_of(os.rename, *moves[step % 4]) in {0, *allowed}

    with together(dance):
        pass
    found = sorted(name for _, _, files in os.walk(".") for name in files)
    assert found == [f"token-{number}-{token}" for number in range(6) for token in range(6)]
    assert sum(len(folders) for _, folders, _ in os.walk(".")) == 6


def check_locks_hold_between_processes(top: str) -> None:
    """Each adds to a counter under a lock, of each of the three kinds: no addition is lost."""
    os.close(os.open("lock", os.O_CREAT, 0o600))

    def add(kind: str) -> Callable[[int], None]:
        def turns(number: int) -> None:
            fd = os.open("lock", os.O_RDWR)
            for _ in range(50):
                (fcntl.flock if kind == "flock" else fcntl.lockf)(fd, fcntl.LOCK_EX)
                with open(kind, "r+", encoding="utf-8") as file:
                    count = int(file.read())
                    file.seek(0)
                    file.write(str(count + 1))
                (fcntl.flock if kind == "flock" else fcntl.lockf)(fd, fcntl.LOCK_UN)
            os.close(fd)

        return turns

    for kind in ("flock", "lockf"):
        with open(kind, "w", encoding="utf-8") as file:
            file.write("1000")
        with together(add(kind)):
            pass
        with open(kind, encoding="utf-8") as file:
            assert int(file.read()) == 1000 + PROCESSES * 50
    fd = os.open("lock", os.O_RDWR)
    fcntl.flock(fd, fcntl.LOCK_SH)

    def try_lock(number: int) -> None:
        mine = os.open("lock", os.O_RDWR)
        fcntl.flock(mine, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert code_of(fcntl.flock, mine, fcntl.LOCK_EX | fcntl.LOCK_NB) == errno.EWOULDBLOCK

    with together(try_lock):
        pass
    os.close(fd)


def check_processes_share_what_they_map(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, PROCESSES * 10_000)

    def write(number: int) -> None:
        mine = os.open("file", os.O_RDWR)
        with mmap.mmap(mine, 0) as view:
            view[number * 10_000 : (number + 1) * 10_000] = bytes([65 + number]) * 10_000

    with mmap.mmap(fd, 0) as view:
        with together(write):
            pass
        assert view[:] == b"".join(bytes([65 + number]) * 10_000 for number in range(PROCESSES))
    os.close(fd)
