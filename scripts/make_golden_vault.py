"""Make the golden vault of this format: a small vault with one of everything, kept for ever.

    python scripts/make_golden_vault.py FOLDER

FOLDER gets the vault, a manifest of what is in it, and a README. It is made once for each format and never again:
what matters about it is that an old version wrote it. Git keeps neither empty folders nor attributes nor times, so
every folder has a file in it and the manifest tells names, types, bytes and targets only.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from wafs import __version__
from wafs.format import FORMAT_VERSION
from wafs.format.recovery_text import format_recovery_key
from wafs.format.slot import RECOVERY, Argon2Cost
from wafs.fs.attrs import Caller
from wafs.fs.vfs import Vfs
from wafs.units import ROOT_INO
from wafs.vault.scratch import Scratch
from wafs.vault.vault import create_vault, open_vault

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "golden p\u00e1ssword"  # noqa: S105  # it protects nothing
RECOVERY_KEY = hashlib.sha256(b"golden vault of format 1").digest()
CHUNK = 4096
LONG = b"a name of 255 bytes, " * 13

README = """\
# The golden vault of format {version}

Written by wafs {wafs}. Its secrets protect nothing:

- password: `{password}` (NFC, UTF-8)
- recovery key:

{recovery}

`manifest.json` says what is in it: for each path (its bytes as Latin-1) the type and, of a file, its size and
SHA-256, of a symlink its target.
One file was left in flight, as by a process that was killed, and the journal was left with it; one is sparse; one
folder was moved twice, one stands in the middle of a move, with records for both places. Files have roots (F-27).
"""


class Maker:
    """Fills one vault through its Vfs."""

    def __init__(self, vfs: Vfs) -> None:
        self._vfs = vfs
        self._scratch = Scratch(0)
        self._caller = Caller(os.geteuid(), os.getegid())
        self._folders = {b"": ROOT_INO}

    def folder(self, path: bytes) -> None:
        """Make a folder; its pin is kept until the vault is closed."""
        above, _, name = path.rpartition(b"/")
        self._folders[path] = self._vfs.tree.mkdir(self._folders[above], name, 0o700, self._caller).ino

    def file(self, path: bytes, *pieces: tuple[int, bytes], keep_open: bool = False) -> None:
        """Make a file from pieces, each with its offset."""
        above, _, name = path.rpartition(b"/")
        created = self._vfs.files.create(self._folders[above], name, 0o600, flags=os.O_RDWR, caller=self._caller)
        for offset, data in pieces:
            self._vfs.files.write(created[1], offset, memoryview(data), self._scratch)
        if not keep_open:
            self._vfs.files.release(created[1])

    def symlink(self, path: bytes, target: bytes) -> None:
        """Make a symlink."""
        above, _, name = path.rpartition(b"/")
        self._vfs.tree.symlink(self._folders[above], name, target, self._caller)

    def move(self, path: bytes, new: bytes) -> None:
        """Rename an entry; of a folder its pin goes along."""
        above, _, name = path.rpartition(b"/")
        new_above, _, new_name = new.rpartition(b"/")
        self._vfs.renamer.rename(self._folders[above], name, self._folders[new_above], new_name=new_name)
        if path in self._folders:
            self._folders[new] = self._folders.pop(path)


def fill(vfs: Vfs) -> None:
    """Put one of everything into the vault."""
    maker = Maker(vfs)
    for path in (b"Media", b"Media/Images", b"Media/\xff not UTF-8", b"moved", b"Media/moved too", b"in the middle"):
        maker.folder(path)
    sizes = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 77)
    for size in sizes:
        maker.file(b"Media/Images/%d bytes.jpg" % size, (0, _noise(size)))
    maker.file(b"Media/\xff not UTF-8/\xfe.bin", (0, b"\xff\xfe"))
    maker.file(LONG[:255], (0, b"under a long name"))
    maker.file(b"Media/" + LONG[:145], (0, b"under a name that is just too long"))
    maker.file(b"Media/" + LONG[:144], (0, b"under a name that is just not too long"))
    maker.file(b"moved/inside", (0, b"in a folder that was moved"))
    maker.move(b"moved", b"Media/moved")
    maker.move(b"Media/moved", b"Media/moved again")
    # Under the name of a folder that went away: an id of its own.
    maker.folder(b"moved")
    maker.file(b"moved/inside", (0, b"in a folder that came later"))
    maker.file(b"Media/moved too/" + LONG[:200], (0, b"long and moved"))
    maker.move(b"Media/moved too", b"Media/" + LONG[1:250])
    maker.file(b"sparse.db", (0, b"SQLite"), (5 * CHUNK + 3, b"end"))
    maker.symlink(b"link", b"Media/Images/1 bytes.jpg")
    # Sealed it stays below 255 characters: a longer one cannot even be asked for by tools that follow links.
    maker.symlink(b"link to nowhere", b"\xff" * 150)
    maker.file(b"in the middle/file", (0, b"in a folder that is being moved"))


def _noise(size: int) -> bytes:
    return hashlib.shake_128(b"golden").digest(size)


def leave_in_the_middle(vfs: Vfs) -> None:
    """Leave a file open, and write the record of a folder for two places, as the first step of a move does."""
    Maker(vfs).file(b"in flight", (0, _noise(CHUNK)), (CHUNK, _noise(100)), keep_open=True)
    context = vfs.context
    directory = vfs.tree.lookup(ROOT_INO, b"in the middle").ino
    inode, handle = context.directory(directory)
    if inode.record is None:
        raise RuntimeError
    places = [inode.place._replace(name=b"somewhere else"), inode.place]
    context.directories.write_record(handle, inode.record, places)


def manifest(vfs: Vfs) -> dict[str, dict[str, object]]:
    """Tell what is in a vault, in a form that git keeps."""
    return dict(sorted(_below(vfs, ROOT_INO, b"")))


def _below(vfs: Vfs, number: int, path: bytes) -> Iterator[tuple[str, dict[str, object]]]:
    stream = vfs.streams.open(number)
    for item in list(vfs.streams.read(stream, 0))[2:]:
        entry = vfs.tree.lookup(number, item.name)
        below = path + b"/" + item.name if path else item.name
        facts: dict[str, object] = {"type": "folder"}
        if stat.S_ISLNK(entry.attrs.mode):
            facts = {"type": "symlink", "target": vfs.tree.readlink(entry.ino).decode("latin-1")}
        elif stat.S_ISREG(entry.attrs.mode):
            fh = vfs.files.open(entry.ino, os.O_RDONLY).fh
            data = bytes(vfs.files.read(fh, 0, 1 << 20, Scratch()))
            vfs.files.release(fh)
            facts = {"type": "file", "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        else:
            yield from _below(vfs, entry.ino, below)
        yield below.decode("latin-1"), facts
        vfs.tree.forget(entry.ino)
    vfs.streams.release(stream)


def _recovery(slot_type: str) -> bytes | None:
    return RECOVERY_KEY if slot_type == RECOVERY else None


def main(folder: Path) -> None:
    """Make the folder with the vault, the manifest and the README."""
    folder.mkdir()
    vault = str(folder / "vault")
    cost = Argon2Cost(memory_kib=8192, passes=2, lanes=2)
    password = PASSWORD.encode()
    create_vault(vault, password, recovery_key=RECOVERY_KEY, cost=cost, chunk_size=CHUNK)
    with Vfs(open_vault(vault, _recovery)) as vfs:
        fill(vfs)
    left = Vfs(open_vault(vault, _recovery))
    leave_in_the_middle(left)
    # The process ends without closing the vault: that is what leaves a file in flight.
    with Vfs(open_vault(vault, _recovery, read_only=True)) as reader:
        facts = manifest(reader)
    (folder / "manifest.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="ascii")
    recovery = "\n".join(f"      {line}" for line in format_recovery_key(RECOVERY_KEY).splitlines())
    text = README.format(version=FORMAT_VERSION, wafs=__version__, password=PASSWORD, recovery=recovery)
    (folder / "README.md").write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(facts)} entries in {folder}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
