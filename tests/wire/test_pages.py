"""Pages of a listing: the next one is prepared behind an answer, and believed only while nothing can have changed."""

from __future__ import annotations

import os
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from fs.paths import Paths
from vault.making import make_vault, opened_behind_faults
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.fuse.linux import directories
from wafs.fuse.linux.directories import DirectoryHandlers
from wafs.fuse.linux.reply import Held
from wafs.fuse.wire import abi
from wafs.fuse.wire.opcodes import Opcode
from wafs.fuse.wire.requests import InHeader
from wire.answers import dirents_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from store.faulty import FaultyStore
    from wire.answers import Dirent

COUNT = 200
SIZE = 1 << 17


class Lister:
    """Lists the root of a vault page by page, and does the chores in between as a session does."""

    def __init__(self, vfs: Vfs, faulty: FaultyStore) -> None:
        self.vfs = vfs
        self.faulty = faulty
        self.moment: int | None = 7
        self._table = DirectoryHandlers(vfs, lambda: self.moment).table()
        self.fh = self._ask(Opcode.OPENDIR, abi.OPEN_IN.pack(os.O_RDONLY, 0))

    @property
    def chores(self) -> int:
        return len(self.vfs.context.neighbours.chores)

    def page(self, offset: int) -> list[Dirent]:
        """Ask for a page; tells in `asked` how often the store was asked for attributes."""
        self.faulty.arm(None)
        reply = self._table[Opcode.READDIRPLUS](
            _header(Opcode.READDIRPLUS), memoryview(abi.READ_IN.pack(self.fh, offset, SIZE, 0, 0, 0))
        )
        self.asked = self.faulty.asked["stat"]
        assert isinstance(reply, Held)
        return dirents_of(bytes(reply.body), SIZE, plus=True)

    def protect_all(self) -> None:
        """Change the mode of all files."""
        for number in range(COUNT):
            ino = self.vfs.tree.lookup(1, b"%03d" % number).ino
            self.vfs.attributes.set(ino, SetAttrs(mode=0o600))

    def do_chores(self) -> None:
        chores = self.vfs.context.neighbours.chores
        while chores:
            chores.popleft()()

    def close(self) -> None:
        self._ask(Opcode.RELEASEDIR, abi.RELEASE_IN.pack(self.fh, 0, 0, 0))

    def _ask(self, opcode: Opcode, body: bytes) -> int:
        reply = self._table[opcode](_header(opcode), memoryview(body))
        if not isinstance(reply, Held):
            assert reply == b""
            return 0
        fh, *_ = abi.OPEN_OUT.unpack(reply.body)
        assert isinstance(fh, int)
        return fh


def _header(opcode: Opcode) -> InHeader:
    return InHeader(40, opcode, 2, 1, 0, 0, 1, 0)


@pytest.fixture
def lister(tmp_path: Path) -> Iterator[Lister]:
    make_vault(tmp_path)
    vault, faulty = opened_behind_faults(tmp_path)
    with Vfs(vault) as vfs:
        paths = Paths(vfs)
        for number in range(COUNT):
            paths.write(b"%03d" % number, b"plain")
        yield Lister(vfs, faulty)


def _names(entries: list[Dirent]) -> list[bytes]:
    return [entry.name for entry in entries]


def test_the_next_page_is_there_when_it_is_asked_for(lister: Lister) -> None:
    names: list[bytes] = []
    asked = []
    while page := lister.page(len(names)):
        names += _names(page)
        asked.append(lister.asked)
        lister.do_chores()
    assert sorted(names) == sorted([b".", b"..", *(b"%03d" % number for number in range(COUNT))])
    assert asked[0] == 62
    assert set(asked[1:]) == {0}
    assert len(asked) == 4
    lister.close()


@pytest.mark.interpreted
@pytest.mark.parametrize("why", ["changed", "worker", "old", "elsewhere"])
def test_a_page_that_may_be_wrong_is_made_anew(lister: Lister, monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    first = lister.page(0)
    lister.do_chores()
    second = lister.page(len(first))
    assert lister.asked == 0
    lister.do_chores()
    here = len(first) + len(second)
    if why == "changed":
        lister.moment = 8
    elif why == "worker":
        lister.moment = None
    elif why == "old":
        now = time.monotonic_ns() + 2_000_000_000
        monkeypatch.setattr(directories, "time", SimpleNamespace(monotonic_ns=lambda: now))
    else:
        here += 1
    lister.protect_all()
    third = lister.page(here)
    assert lister.asked > 0
    assert {entry.entry.attr.mode & 0o777 for entry in third if entry.entry is not None} == {0o600}
    assert not set(_names(first + second)) & set(_names(third))
    assert lister.chores == (1 if why == "elsewhere" else 0)


def test_nothing_is_prepared_while_a_worker_is_at_something(lister: Lister) -> None:
    lister.moment = None
    first = lister.page(0)
    lister.do_chores()
    lister.moment = 7
    lister.page(len(first))
    assert lister.asked > 0


def test_what_was_prepared_and_not_asked_for_is_let_go(lister: Lister) -> None:
    inodes = lister.vfs.context.inodes
    before = len(inodes)
    first = lister.page(0)
    lister.do_chores()
    assert len(inodes) > before + len(first)
    lister.close()
    for entry in first:
        if entry.entry is not None and entry.entry.nodeid:
            lister.vfs.tree.forget(entry.entry.nodeid)
    assert len(inodes) == before


def test_a_directory_that_was_closed_meanwhile_is_not_prepared(lister: Lister) -> None:
    lister.page(0)
    lister.close()
    lister.faulty.arm(None)
    lister.do_chores()
    assert lister.faulty.asked["stat"] == 0
