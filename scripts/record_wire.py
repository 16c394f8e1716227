#!/usr/bin/env python3
"""Record real kernel requests and the replies they got, as annotated hex dumps.

Run as root with /dev/fuse: `scripts/record_wire.py [FOLDER]`, by default tests/wire/data. It mounts
a small filesystem in memory, makes one system call after the other, and writes one dump each. A dump
has a line per field: `>` for the request or `<` for the reply, offset, bytes, `# name = value`. The
annotations come from the layouts of the tests, not from those of wafs.
"""

import ctypes
import os
import platform
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from wafs.fuse import mountpoint  # noqa: E402
from wafs.fuse.channel import Channel  # noqa: E402
from wafs.fuse.mountinfo import find_mount  # noqa: E402
from wafs.fuse.wire.opcodes import Opcode  # noqa: E402
from wire import layouts  # noqa: E402
from wire.memory_server import WAIT_NAME, MemoryServer  # noqa: E402

PATIENCE_S = 10
SHARED_GID = 12345
LIBC = ctypes.CDLL(None, use_errno=True)
AT_FDCWD = -100
MS_REMOUNT = 32


class Recorder:
    """Keeps what the server saw and writes dumps of what is watched."""

    def __init__(self, folder: Path) -> None:
        """Write to `folder`."""
        self.folder = folder
        self.seen: list[tuple[bytes, bytes]] = []
        self.changed = threading.Condition()

    def observe(self, request: bytes, reply: bytes) -> None:
        """Take one request and its reply from the server."""
        with self.changed:
            self.seen.append((request, reply))
            self.changed.notify_all()

    @contextmanager
    def watch(self, label: str, opcode: str, call: str) -> Iterator[None]:
        """Dump the first request of this opcode that comes in the block or soon after it."""
        start = len(self.seen)
        yield
        number = layouts.OPCODES[opcode]

        def found() -> tuple[bytes, bytes] | None:
            for request, reply in self.seen[start:]:
                if int.from_bytes(request[4:8], sys.byteorder) == number:
                    return request, reply
            return None

        with self.changed:
            message = self.changed.wait_for(found, PATIENCE_S)
        if message is None:
            names = [layouts.NAMES[r[4]] for r, _ in self.seen[start:]]
            msg = f"{label}: the kernel sent no {opcode}, but {names}"
            raise RuntimeError(msg)
        (self.folder / f"{label}.hex").write_text(dump(opcode, call, *message), "ascii")


def dump(opcode: str, call: str, request: bytes, reply: bytes) -> str:
    """Return the annotated dump of a request and its reply."""
    release = re.match(r"[\d.]+", platform.release())
    asked = layouts.request_fields(request)
    lines = [
        f"# {opcode}, opcode {layouts.OPCODES[opcode]}",
        f"# kernel: Linux {release[0] if release else '?'} {platform.machine()}",
        f"# call: {call}",
        *(line for field in asked for line in field_lines(">", field)),
    ]
    if reply:
        values = {field.name: field.value for field in asked}
        answered = layouts.reply_fields(opcode, reply, asked=values)
        lines += [line for field in answered for line in field_lines("<", field)]
    else:
        lines.append("# no reply")
    return "\n".join(lines) + "\n"


def field_lines(direction: str, field: layouts.Field) -> Iterator[str]:
    """Return the lines for a field: 16 bytes each, the first with name and value."""
    value = field.value
    if isinstance(value, int):
        name = field.name.split("[")[0]
        base = "#o" if name in {"mode", "umask"} else "#x" if "flags" in name else "d"
        value_text = format(value, base)
    else:
        value_text = repr(value)
    comment = f"  # {field.name} = {value_text}"
    for at in range(0, max(len(field.raw), 1), 16):
        raw = field.raw[at : at + 16].hex(" ")
        yield f"{direction} {field.offset + at:04x}  {raw:<23}{comment}".rstrip()
        comment = ""


def child(code: str, *arguments: str, groups: list[int] | None = None) -> None:
    """Run Python code in a process of its own, since the calls in it keep the interpreter lock."""
    command = [sys.executable, "-c", code, *arguments]
    subprocess.run(command, check=True, timeout=PATIENCE_S, extra_groups=groups)


def libc(name: str, *arguments: int | bytes | ctypes.Array[ctypes.c_char]) -> None:
    """Call a function of the C library and raise its errno."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    if getattr(LIBC, name)(*wide) < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def record_entries(watch: Recorder, top: str) -> None:
    """Record what makes, moves and removes names."""
    with watch.watch("mkdir", "MKDIR", 'mkdir("dir", 0750)'):
        os.mkdir(f"{top}/dir", 0o750)
    with watch.watch("mknod", "MKNOD", 'mknod("pipe", S_IFIFO | 0640, 0)'):
        os.mknod(f"{top}/pipe", 0o010640)
    with watch.watch("mknod_device", "MKNOD", 'mknod("device", S_IFCHR | 0600, makedev(300, 70000))'):
        os.mknod(f"{top}/device", 0o020600, os.makedev(300, 70000))
    with watch.watch("symlink", "SYMLINK", 'symlink("dir/target", "link")'):
        os.symlink("dir/target", f"{top}/link")
    with watch.watch("readlink", "READLINK", 'readlink("link")'):
        os.readlink(f"{top}/link")
    with watch.watch("create", "CREATE", 'open("file", O_CREAT | O_EXCL | O_RDWR, 0644)'):
        os.close(os.open(f"{top}/file", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o644))
    with watch.watch("link", "LINK", 'link("file", "dir/second")'):
        os.link(f"{top}/file", f"{top}/dir/second")
    with watch.watch("lookup_missing", "LOOKUP", 'stat("missing")'):
        os.path.exists(f"{top}/missing")
    name = os.fsdecode(b"not-utf8-\xff\xfe-" + b"n" * 243)
    with watch.watch("lookup_255_bytes", "LOOKUP", "stat of a name of 255 bytes, not UTF-8"):
        os.path.exists(f"{top}/{name}")
    with watch.watch("rename", "RENAME", 'rename("pipe", "dir/pipe2")'):
        os.rename(f"{top}/pipe", f"{top}/dir/pipe2")
    new = os.fsencode(f"{top}/dir/file2")
    with watch.watch("rename2_noreplace", "RENAME2", "renameat2(..., RENAME_NOREPLACE)"):
        libc("renameat2", AT_FDCWD, os.fsencode(f"{top}/file"), AT_FDCWD, new, 1)
    with watch.watch("rename2_exchange", "RENAME2", "renameat2(..., RENAME_EXCHANGE)"):
        libc("renameat2", AT_FDCWD, os.fsencode(f"{top}/link"), AT_FDCWD, new, 2)
    with watch.watch("unlink", "UNLINK", 'unlink("dir/second")'):
        os.unlink(f"{top}/dir/second")
    os.mkdir(f"{top}/empty")
    with watch.watch("rmdir", "RMDIR", 'rmdir("empty")'):
        os.rmdir(f"{top}/empty")
    with watch.watch("rmdir_not_empty", "RMDIR", 'rmdir("dir"), which is not empty'):
        refused(lambda: os.rmdir(f"{top}/dir"))
    with watch.watch("mkdir_with_group", "MKDIR", 'mkdir("shared/new"), as a member of its group'):
        child("import os, sys; os.mkdir(sys.argv[1])", f"{top}/shared/new", groups=[SHARED_GID])


def record_attributes(watch: Recorder, top: str) -> None:
    """Record what reads and sets attributes and extended attributes."""
    path = f"{top}/link"  # a file since the exchange
    with watch.watch("chmod", "SETATTR", "chmod(file, 0600)"):
        os.chmod(path, 0o600)
    with watch.watch("chown", "SETATTR", "chown(file, 7, 8)"):
        os.chown(path, 7, 8)
    with watch.watch("utime_before_1970", "SETATTR", "utimensat(file, -1.5 s, 1.25 s)"):
        os.utime(path, ns=(-1_500_000_000, 1_250_000_000))
    with watch.watch("utime_now", "SETATTR", "utimensat(file, now)"):
        os.utime(path)
    with watch.watch("truncate", "SETATTR", "truncate(file, 100)"):
        os.truncate(path, 100)
    buffer = ctypes.create_string_buffer(256)
    with watch.watch("statx", "STATX", "statx(file, STATX_BASIC_STATS | STATX_BTIME)"):
        libc("statx", AT_FDCWD, os.fsencode(path), 0, 0xFFF, buffer)
    with watch.watch("access", "ACCESS", "access(file, R_OK | W_OK)"):
        os.access(path, os.R_OK | os.W_OK)
    with watch.watch("setxattr", "SETXATTR", 'setxattr(file, "user.a/b", "value")'):
        os.setxattr(path, "user.a/b", b"value", os.XATTR_CREATE)
    with watch.watch("getattr", "GETATTR", "stat(file), after a setxattr"):
        os.stat(path)
    with watch.watch("getxattr_size", "GETXATTR", 'getxattr(file, "user.a/b", NULL, 0)'):
        libc("getxattr", os.fsencode(path), b"user.a/b", 0, 0)
    with watch.watch("getxattr", "GETXATTR", 'getxattr(file, "user.a/b", ..., 128)'):
        os.getxattr(path, "user.a/b")
    with watch.watch("getxattr_missing", "GETXATTR", 'getxattr(file, "user.none")'):
        refused(lambda: os.getxattr(path, "user.none"))
    with watch.watch("listxattr_size", "LISTXATTR", "listxattr(file, NULL, 0)"):
        libc("listxattr", os.fsencode(path), 0, 0)
    with watch.watch("listxattr", "LISTXATTR", "listxattr(file, ..., 256)"):
        os.listxattr(path)
    with watch.watch("removexattr", "REMOVEXATTR", 'removexattr(file, "user.a/b")'):
        os.removexattr(path, "user.a/b")
    with watch.watch("statfs", "STATFS", "statfs(mountpoint)"):
        os.statvfs(top)


def record_files(watch: Recorder, server: MemoryServer, top: str) -> None:
    """Record what works on open files."""
    path = f"{top}/content"
    fd = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
    with watch.watch("write", "WRITE", 'pwrite(fd, "thirteen byte", 13, 3)'):
        os.pwrite(fd, b"thirteen byte", 3)
    with watch.watch("fsync", "FSYNC", "fsync(fd)"):
        os.fsync(fd)
    with watch.watch("fdatasync", "FSYNC", "fdatasync(fd)"):
        os.fdatasync(fd)
    with watch.watch("lseek_data", "LSEEK", "lseek(fd, 2, SEEK_DATA)"):
        os.lseek(fd, 2, os.SEEK_DATA)
    with watch.watch("lseek_hole", "LSEEK", "lseek(fd, 2, SEEK_HOLE)"):
        os.lseek(fd, 2, os.SEEK_HOLE)
    with watch.watch("fallocate", "FALLOCATE", "fallocate(fd, 0, 0, 64)"):
        os.posix_fallocate(fd, 0, 64)
    punch = "fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 20, 10)"
    with watch.watch("punch_hole", "FALLOCATE", punch):
        libc("fallocate", fd, 3, 20, 10)
    with watch.watch("poll", "POLL", "poll(fd, POLLIN)"):
        child(POLL_CODE, path)

    with watch.watch("getlk", "GETLK", "fcntl(fd, F_GETLK)"):
        child(LOCK_CODE, path)
    with watch.watch("setlk", "SETLK", "fcntl(fd, F_SETLK)"):
        child(LOCK_CODE, path)
    with watch.watch("ioctl", "IOCTL", "ioctl(fd, FS_IOC_GETFLAGS)"):
        child(IOCTL_CODE, path)
    record_copies(watch, server, fd, top)
    with watch.watch("flush", "FLUSH", "close(dup(fd))"):
        os.close(os.dup(fd))
    with watch.watch("release", "RELEASE", "close(fd), the last one"):
        os.close(fd)


def record_copies(watch: Recorder, server: MemoryServer, fd: int, top: str) -> None:
    """Record both kinds of copy_file_range."""
    target = os.open(f"{top}/copied", os.O_CREAT | os.O_RDWR, 0o644)
    with watch.watch("copy_file_range_64", "COPY_FILE_RANGE_64", "copy_file_range(fd, 3, fd2, 1, 8)"):
        os.copy_file_range(fd, target, 8, 3, 1)
    server.missing = {Opcode.COPY_FILE_RANGE_64}
    with watch.watch("copy_file_range", "COPY_FILE_RANGE", "copy_file_range(fd, 3, fd2, 1, 8)"):
        os.copy_file_range(fd, target, 8, 3, 1)
    os.close(target)


def record_opening(watch: Recorder, top: str) -> None:
    """Record what opens files, and what the page cache then asks for."""
    path = f"{top}/content"
    with watch.watch("open", "OPEN", "open(file, O_RDWR | O_TRUNC)"):
        fd = os.open(path, os.O_RDWR | os.O_TRUNC)
    with watch.watch("mmap_write", "WRITE", "msync of a shared writable mmap"):
        os.ftruncate(fd, 24)
        child(MMAP_CODE, path)
    os.close(fd)
    fd = os.open(f"{top}/fresh", os.O_RDWR)
    os.write(fd, b"twelve bytes")
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    with watch.watch("read", "READ", "pread(fd, ..., 5, 2) of a file of 12 bytes, not cached"):
        os.pread(fd, 5, 2)
    os.close(fd)
    with watch.watch("tmpfile", "TMPFILE", "open(mountpoint, O_TMPFILE | O_RDWR, 0600)"):
        os.close(os.open(top, os.O_TMPFILE | os.O_RDWR, 0o600))


def record_directories(watch: Recorder, top: str) -> None:
    """Record what reads directories."""
    with watch.watch("opendir", "OPENDIR", "opendir(dir)"):
        os.listdir(f"{top}/dir")
    with watch.watch("readdirplus", "READDIRPLUS", "getdents64(dir), at the start"):
        os.listdir(f"{top}/dir")
    # The kernel asks for attributes with the first names only, unless somebody uses them.
    with watch.watch("readdir", "READDIR", "getdents64(dir), further on"):
        os.listdir(f"{top}/many")
    with watch.watch("releasedir", "RELEASEDIR", "closedir(dir)"):
        os.listdir(f"{top}/dir")
    with watch.watch("fsyncdir", "FSYNCDIR", "fsync(dir)"):
        fd = os.open(f"{top}/dir", os.O_RDONLY)
        os.fsync(fd)
        os.close(fd)


def record_interrupt(watch: Recorder, top: str) -> None:
    """Record the INTERRUPT that a signal to the caller causes."""
    code = "import os, sys; os.getxattr(sys.argv[1], sys.argv[2])"
    with watch.watch("interrupt", "INTERRUPT", "a caller is killed while it waits"):
        with watch.watch("getxattr_unanswered", "GETXATTR", "getxattr, by a caller who is killed"):
            command = [sys.executable, "-c", code, f"{top}/content", os.fsdecode(WAIT_NAME)]
            caller = subprocess.Popen(command)
        caller.send_signal(signal.SIGKILL)
        caller.wait(PATIENCE_S)


def refused(call: Callable[[], object]) -> None:
    """Make a call that has to fail."""
    try:
        call()
    except OSError:
        return
    msg = "a call that should fail did not"
    raise RuntimeError(msg)


POLL_CODE = """
import select, sys
file = open(sys.argv[1])
poll = select.poll()
poll.register(file, select.POLLIN)
poll.poll(0)
"""
LOCK_CODE = """
import fcntl, struct, sys
file = open(sys.argv[1], "r+b")
lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 4, 6, 0)
fcntl.fcntl(file, fcntl.F_GETLK, lock)
fcntl.fcntl(file, fcntl.F_SETLK, lock)
"""
IOCTL_CODE = """
import fcntl, sys
try:
    fcntl.ioctl(open(sys.argv[1]), 0x80086601, bytearray(8))
except OSError:
    pass
"""
MMAP_CODE = """
import mmap, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 24) as memory:
    memory[4:12] = b"by  mmap"
    memory.flush()
"""


def main() -> None:
    """Mount, record everything, unmount."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests" / "wire" / "data"
    folder.mkdir(parents=True, exist_ok=True)
    watch = Recorder(folder)
    top = tempfile.mkdtemp(prefix="wafs-record-")
    channel = Channel(mountpoint.mount(top, mountpoint.MountOptions(source=b"recorder")))
    server = MemoryServer(channel, watch.observe)
    thread = threading.Thread(target=server.serve)
    with watch.watch("init", "INIT", "mount(2)"):
        thread.start()
    try:
        with watch.watch("lookup", "LOOKUP", 'stat("fresh")'):
            os.mknod(f"{top}/fresh", 0o100644)
            os.mkdir(f"{top}/shared")
            os.chown(f"{top}/shared", 0, SHARED_GID)
            os.mkdir(f"{top}/many")
            for number in range(40):
                os.mknod(f"{top}/many/file{number}", 0o100644)
        record_entries(watch, top)
        record_attributes(watch, top)
        record_files(watch, server, top)
        record_opening(watch, top)
        record_directories(watch, top)
        record_interrupt(watch, top)
        with watch.watch("forget", "FORGET", "unlink, then the kernel drops the inode"):
            os.unlink(f"{top}/many/file0")
        with watch.watch("batch_forget", "BATCH_FORGET", "mount(2) with MS_REMOUNT drops all entries"):
            libc("mount", 0, os.fsencode(top), 0, MS_REMOUNT, 0)
        mountpoint.unmount(top)
    finally:
        if find_mount(top):
            mountpoint.unmount(top, lazy=True)
        channel.stop()
        thread.join()
        channel.close()
        os.rmdir(top)
    print(f"{len(list(folder.glob('*.hex')))} dumps in {folder}")


if __name__ == "__main__":
    main()
