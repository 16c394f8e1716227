"""Content: what holds for the bytes of files; each check gets an empty folder."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os

LIBC = ctypes.CDLL(None, use_errno=True)
KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE = 1, 2, 16
MIB, TIB = 1 << 20, 1 << 40


def fallocate(fd: int, mode: int, offset: int, size: int) -> None:
    """fallocate(2), which Python has not."""
    if LIBC.fallocate(fd, mode, ctypes.c_long(offset), ctypes.c_long(size)) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def code_of(act: object, *arguments: object) -> int:
    """Return the errno of a call that fails, 0 if it does not."""
    assert callable(act)
    try:
        act(*arguments)
    except OSError as error:
        return error.errno or -1
    return 0


def check_holes_are_found(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
    os.pwrite(fd, b"a" * 100, 0)
    os.pwrite(fd, b"b" * 100, 4 * MIB)
    os.ftruncate(fd, 8 * MIB)
    assert os.lseek(fd, 0, os.SEEK_DATA) == 0
    hole = os.lseek(fd, 0, os.SEEK_HOLE)
    assert 100 <= hole <= 2 * MIB
    data = os.lseek(fd, hole, os.SEEK_DATA)
    assert 2 * MIB <= data <= 4 * MIB
    assert 4 * MIB + 100 <= os.lseek(fd, data, os.SEEK_HOLE) <= 6 * MIB
    assert code_of(os.lseek, fd, 6 * MIB, os.SEEK_DATA) == errno.ENXIO
    assert os.lseek(fd, 6 * MIB, os.SEEK_HOLE) == 6 * MIB
    assert code_of(os.lseek, fd, 8 * MIB, os.SEEK_HOLE) == errno.ENXIO
    assert os.fstat(fd).st_blocks * 512 < 4 * MIB
    os.close(fd)


def check_space_is_reserved_punched_and_zeroed(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
    fallocate(fd, 0, 0, 100_000)
    assert os.fstat(fd).st_size == 100_000
    assert os.pread(fd, 200_000, 0) == bytes(100_000)
    fallocate(fd, KEEP_SIZE, 0, 300_000)
    assert os.fstat(fd).st_size == 100_000
    os.pwrite(fd, b"x" * 100_000, 0)
    fallocate(fd, PUNCH_HOLE | KEEP_SIZE, 10_000, 50_000)
    assert os.pread(fd, 100_000, 0) == b"x" * 10_000 + bytes(50_000) + b"x" * 40_000
    fallocate(fd, ZERO_RANGE, 90_000, 20_000)
    assert os.pread(fd, 200_000, 0)[85_000:] == b"x" * 5_000 + bytes(20_000)
    fallocate(fd, ZERO_RANGE | KEEP_SIZE, 105_000, 50_000)
    assert os.fstat(fd).st_size == 110_000
    assert code_of(fallocate, fd, PUNCH_HOLE, 0, 10) == errno.EOPNOTSUPP
    assert code_of(fallocate, fd, 0, 0, 0) == errno.EINVAL
    reader = os.open("file", os.O_RDONLY)
    assert code_of(fallocate, reader, 0, 0, 10) == errno.EBADF
    os.close(reader)
    os.close(fd)


def check_ranges_are_copied(top: str) -> None:
    source = os.open("source", os.O_RDWR | os.O_CREAT, 0o600)
    target = os.open("target", os.O_RDWR | os.O_CREAT, 0o600)
    data = bytes(at * 7 % 251 for at in range(300_000))
    os.pwrite(source, data, 0)
    done = 0
    while done < 250_000:
        copied = os.copy_file_range(source, target, 250_000 - done, 10_001 + done, 33 + done)
        assert copied > 0
        done += copied
    assert os.pread(target, 300_000, 0) == bytes(33) + data[10_001:260_001]
    assert os.copy_file_range(source, target, 10, 300_000, 0) == 0
    assert os.copy_file_range(source, source, 1000, 0, 100_000) == 1000
    assert os.pread(source, 1000, 100_000) == data[:1000]
    assert code_of(os.copy_file_range, source, source, 1000, 0, 500) == errno.EINVAL
    os.close(target)
    target = os.open("target", os.O_WRONLY | os.O_APPEND)
    assert code_of(os.copy_file_range, source, target, 10, 0) == errno.EBADF
    os.close(target)
    os.close(source)


def check_a_file_of_1_tib_costs_what_is_in_it(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, TIB)
    places = (0, 123_456_789, 1 << 35, (1 << 39) + 4095, TIB - 5)
    for number, at in enumerate(places):
        assert os.pwrite(fd, b"%05d" % number, at) == 5
    os.fsync(fd)
    os.close(fd)
    fd = os.open("file", os.O_RDWR)
    found = os.fstat(fd)
    assert found.st_size == TIB
    assert found.st_blocks * 512 < 4 * MIB
    for number, at in enumerate(places):
        assert os.pread(fd, 5, at) == b"%05d" % number
        assert os.lseek(fd, max(at - (1 << 26), 0), os.SEEK_DATA) <= at
    assert os.pread(fd, 100_000, 1 << 38) == bytes(100_000)
    os.ftruncate(fd, 123_456_790)
    assert os.pread(fd, 10, 123_456_785) == bytes(4) + b"0"
    os.ftruncate(fd, 123_456_795)
    assert os.pread(fd, 10, 123_456_785) == bytes(4) + b"0" + bytes(5)
    os.close(fd)


def check_appending_ignores_the_offset(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, b"one")
    os.lseek(fd, 0, os.SEEK_SET)
    os.write(fd, b"two")
    assert os.lseek(fd, 0, os.SEEK_CUR) == 6
    # Linux appends here too, other than POSIX.
    os.pwrite(fd, b"three", 0)
    os.ftruncate(fd, 8)
    os.write(fd, b"four")
    assert os.pread(fd, 100, 0) == b"onetwothfour"
    os.close(fd)


def check_an_unlinked_file_lives_until_it_is_closed(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
    os.write(fd, b"x" * 50_000)
    os.unlink("file")
    second = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
    os.pwrite(fd, b"y" * 10, 49_995)
    os.ftruncate(fd, 50_003)
    assert os.pread(second, 100, 49_990) == b"x" * 5 + b"y" * 8
    found = os.fstat(second)
    assert (found.st_nlink, found.st_size) == (0, 50_003)
    os.fsync(fd)
    os.close(fd)
    assert os.pread(second, 3, 0) == b"xxx"
    os.close(second)
    assert os.listdir(".") == []


def check_maps_and_calls_see_the_same_file(top: str) -> None:
    fd = os.open("file", os.O_RDWR | os.O_CREAT, 0o600)
    os.ftruncate(fd, 100_000)
    with mmap.mmap(fd, 100_000) as view, mmap.mmap(fd, 100_000, access=mmap.ACCESS_COPY) as private:
        view[50_000:50_005] = b"mmap!"
        assert os.pread(fd, 5, 50_000) == b"mmap!"
        os.pwrite(fd, b"pwrite", 70_000)
        assert view[70_000:70_006] == b"pwrite"
        private[50_000:50_005] = b"mine!"
        assert os.pread(fd, 5, 50_000) == b"mmap!"
        view.flush()
    with mmap.mmap(fd, 100_000, prot=mmap.PROT_READ) as view:
        assert view[50_000:50_005] + view[70_000:70_006] == b"mmap!pwrite"
    os.close(fd)
