#!/usr/bin/env python3
"""Measure how long wafs takes for each kind of request, without the kernel, a disk and waking up.

    scripts/request_times.py [--folder DIR] [--files N] [--rounds N] [--profile REQUEST]

A folder of small files is made, listed, read and removed, by the messages that the kernel would send; the folder of the
vault is best in memory. Prints for each request the median in us and what a fifth of them does not exceed; what is done
behind an answer is a row of its own. `--profile` shows the functions of one of these rows instead.
"""

from __future__ import annotations

import argparse
import contextlib
import cProfile
import os
import pstats
import statistics
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

from cheap_vault import opened
from wafs.fuse.linux.front_end import handlers_of
from wafs.fuse.session import Session
from wafs.fuse.wire import abi
from wafs.fuse.wire.opcodes import Opcode
from wafs.units import KIB, MIB, ROOT_INO

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wafs.fs.vfs import Vfs
    from wafs.fuse.channel import Channel

SIZE = 8 * KIB
NODE = struct.Struct("=Q")
BEHIND = "behind an answer"


class Replies:
    """A channel that keeps the last reply and sends it nowhere."""

    last = b""

    def send(self, buffers: Sequence[bytes | memoryview]) -> bool:
        """Keep the body of a reply."""
        self.last = b"".join(buffers[1:])
        return True


class Kernel:
    """Asks as the kernel does, and notes how long each answer took."""

    def __init__(self, vfs: Vfs, profiled: str | None) -> None:
        self.times: dict[str, list[float]] = {}
        self.profile = cProfile.Profile()
        self._profiled = profiled
        self._replies = Replies()
        self._chores = vfs.context.neighbours.chores
        handlers = handlers_of(vfs, moment=self._moment)
        self._session = Session(cast("Channel", self._replies), handlers, chores=self._chores)
        self._unique = 0

    def ask(self, row: str, opcode: Opcode, node: int, body: bytes) -> bytes:
        """Send a request and return the body of its reply, as it is before the next one."""
        self._unique += 2
        size = abi.IN_HEADER.size + len(body)
        message = (
            abi.IN_HEADER.pack(size, opcode, self._unique, node, os.geteuid(), os.getegid(), os.getpid(), 0) + body
        )
        with self._timed(row):
            self._session.answer(memoryview(message))
        reply = self._replies.last
        while self._chores:
            with self._timed(BEHIND):
                self._session.do_chore()
        return reply

    def _moment(self) -> int | None:
        return self._session.moment()

    @contextlib.contextmanager
    def _timed(self, row: str) -> Iterator[None]:
        profile = self.profile if row == self._profiled else None
        if profile is not None:
            profile.enable()
        began = time.perf_counter_ns()
        yield
        took = time.perf_counter_ns() - began
        if profile is not None:
            profile.disable()
        self.times.setdefault(row, []).append(took / 1000)


def node_of(reply: bytes) -> int:
    """Return the first number of a reply: a node, or a handle."""
    return int(NODE.unpack_from(reply)[0])


def live(kernel: Kernel, names: list[bytes], folder: bytes) -> None:
    """Make a folder of files, look at them, read them and remove them."""
    data = os.urandom(SIZE)
    parent = node_of(kernel.ask("MKDIR", Opcode.MKDIR, ROOT_INO, abi.MKDIR_IN.pack(0o700, 0) + folder + b"\0"))
    nodes = []
    for name in names:
        kernel.ask("LOOKUP of none", Opcode.LOOKUP, parent, name + b"\0")
        asked = abi.CREATE_IN.pack(os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, 0, 0) + name + b"\0"
        made = kernel.ask("CREATE", Opcode.CREATE, parent, asked)
        node, handle = node_of(made), node_of(made[abi.ENTRY_OUT.size :])
        kernel.ask("GETXATTR", Opcode.GETXATTR, node, abi.GETXATTR_IN.pack(20) + b"security.capability\0")
        kernel.ask("WRITE", Opcode.WRITE, node, abi.WRITE_IN.pack(handle, 0, SIZE, 0, 0, os.O_WRONLY) + data)
        kernel.ask("RELEASE of a writer", Opcode.RELEASE, node, abi.RELEASE_IN.pack(handle, 0, 0, 0))
        nodes.append(node)
    for node in nodes:
        kernel.ask("FORGET", Opcode.FORGET, node, abi.FORGET_IN.pack(1))
    listing = node_of(kernel.ask("OPENDIR", Opcode.OPENDIR, parent, abi.OPEN_IN.pack(0, 0)))
    offset, shown = 0, 0
    while page := kernel.ask(
        "READDIRPLUS", Opcode.READDIRPLUS, parent, abi.READ_IN.pack(listing, offset, MIB, 0, 0, 0)
    ):
        at = 0
        while at < len(page):
            _, offset, length, _ = abi.DIRENT.unpack_from(page, at + abi.ENTRY_OUT.size)
            at += (abi.DIRENTPLUS_SIZE + length + 7) // 8 * 8
            shown += 1
    if shown != len(names) + 2:
        msg = f"{shown} entries were listed, wanted {len(names) + 2}"
        raise AssertionError(msg)
    kernel.ask("RELEASEDIR", Opcode.RELEASEDIR, parent, abi.RELEASE_IN.pack(listing, 0, 0, 0))
    nodes.clear()
    for name in names:
        node = node_of(kernel.ask("LOOKUP", Opcode.LOOKUP, parent, name + b"\0"))
        handle = node_of(kernel.ask("OPEN", Opcode.OPEN, node, abi.OPEN_IN.pack(os.O_RDONLY, 0)))
        found = kernel.ask("READ", Opcode.READ, node, abi.READ_IN.pack(handle, 0, 2 * SIZE, 0, 0, 0))
        if found != data:
            msg = f"{name!r} does not hold what was written"
            raise AssertionError(msg)
        kernel.ask("GETATTR", Opcode.GETATTR, node, abi.GETATTR_IN.pack(0, 0))
        kernel.ask("RELEASE of a reader", Opcode.RELEASE, node, abi.RELEASE_IN.pack(handle, 0, 0, 0))
        nodes.append(node)
    for name, node in zip(names, nodes, strict=True):
        kernel.ask("UNLINK", Opcode.UNLINK, parent, name + b"\0")
        kernel.ask("FORGET", Opcode.FORGET, node, abi.FORGET_IN.pack(2))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--folder", type=Path, metavar="DIR", default=Path("/dev/shm"), help="where the vault is; default /dev/shm"
    )
    parser.add_argument("--files", type=int, default=2000, metavar="N")
    parser.add_argument("--rounds", type=int, default=4, metavar="N")
    parser.add_argument("--profile", metavar="REQUEST", help="a row of the table, such as CREATE")
    options = parser.parse_args()
    names = [b"IMG-20260101-WA%05d.jpg" % number for number in range(options.files)]
    with opened(options.folder) as vfs:
        kernel = Kernel(vfs, options.profile)
        for number in range(options.rounds):
            live(kernel, names, b"folder-%d" % number)
    if options.profile is not None:
        if options.profile not in kernel.times:
            parser.error(f"no row is called {options.profile!r}; choose from {', '.join(kernel.times)}")
        pstats.Stats(kernel.profile).sort_stats("tottime").print_stats(40)
        return
    print(f"{'request':20} {'median':>8} {'a fifth':>8} us")
    for row, took in kernel.times.items():
        fifth = sorted(took)[len(took) // 5]
        print(f"{row:20} {statistics.median(took):8.1f} {fifth:8.1f}")


if __name__ == "__main__":
    main()
