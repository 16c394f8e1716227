"""Specimen: one small vault with one of everything, and the truth about it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fs.paths import Node, Paths
from vault.making import CHUNK, make_vault, opened
from wafs.errors import DamageError, FsError, NotAVaultError, UnsupportedFormatError, WrongSecretError
from wafs.fs.vfs import Vfs
from wafs.units import Ino

if TYPE_CHECKING:
    from log_police import ExpectLog

LONG = b"long " * 40
CLEAR = (DamageError, FsError, NotAVaultError, UnsupportedFormatError, WrongSecretError, OSError)
"""What a person may be told. Anything else that is raised is a crash."""

FILES: dict[bytes, bytes] = {
    b"empty": b"",
    b"one": b"1",
    b"chunk": bytes(range(256)) * 16,
    b"several": bytes(range(255)) * 40,
    b"folder/" + LONG: b"under a long name",
    b"folder/deep/inside": b"inside",
    b"renamed/moved": b"in a folder that was moved",
}
FLYING = b"in flight"
JOURNALS = ("wafs.journal", "wafs.journal.next")
SPARSE = b"sparse"


@dataclass(frozen=True, slots=True)
class Specimen:
    """A vault, its truth by plain path, and where the ciphertext of each path is."""

    path: Path
    truth: dict[bytes, Node]
    places: dict[bytes, Path]
    has_xattrs: bool

    def copy(self, path: Path) -> Specimen:
        """Copy it to another folder."""
        shutil.copytree(self.path, path, symlinks=True)
        places = {name: path / place.relative_to(self.path) for name, place in self.places.items()}
        return Specimen(path, self.truth, places, self.has_xattrs)


def make_specimen(path: Path) -> Specimen:
    """Make the vault; one file is left in flight, as by a process that was killed."""
    made = make_vault(path.with_name("made"))
    with Vfs(opened(made)) as vfs:
        paths = Paths(vfs)
        for folder in (b"folder", b"folder/deep", b"to be renamed"):
            paths.mkdir(folder)
        paths.rename(b"to be renamed", b"renamed")
        for name, data in FILES.items():
            paths.write(name, data)
        paths.symlink(b"link", b"folder/deep/inside")
        paths.symlink(b"far link", b"folder/../" * 400)
        has_xattrs = _set_attributes(paths)
        _write_sparse(paths)
        paths.write(FLYING, (b"sealed" * CHUNK)[: 2 * CHUNK])
        with paths.held(FLYING) as number:
            fh = vfs.files.open(number, os.O_RDWR).fh
            # A chunk of its own, beyond what is sealed, and the file never closed in the copy.
            vfs.files.write(fh, 2 * CHUNK, memoryview(b"flying"), paths.scratch)
            shutil.copytree(made, path, symlinks=True)
            vfs.files.release(fh)
        for journal in JOURNALS:
            # With a journal, whatever was written since it began may be cut back (F-28): that is no tampering.
            path.joinpath(journal).unlink(missing_ok=True)
        places = {name: path / place.relative_to(made) for name, place in _places(paths, made).items()}
    shutil.rmtree(made)
    truth = look(path)
    assert {name: truth[name].content for name in FILES} == FILES
    assert len(truth) == len(FILES) + 7
    return Specimen(path, truth, places, has_xattrs)


def look(path: Path) -> dict[bytes, Node]:
    """Read the whole tree, read-only."""
    with Vfs(opened(path, read_only=True)) as vfs:
        return Paths(vfs).walk()


def check(specimen: Specimen, log: ExpectLog) -> str:
    """Read the whole tree; everything in it must be true and what is missing reported.

    Returns `intact`, `foreign` or the name of the error.
    """
    before = len(log.records)
    try:
        found = look(specimen.path)
    except CLEAR as error:
        return type(error).__name__
    for name, node in found.items():
        wanted = specimen.truth[name]
        assert node[:2] == wanted[:2], name
        assert set(node.xattrs) <= set(wanted.xattrs), name
    if found == specimen.truth:
        return "intact"
    assert len(log.records) > before, "an entry is gone and nothing was said"
    return "foreign"


def _set_attributes(paths: Paths) -> bool:
    try:
        for path in (b"one", b"folder"):
            with paths.held(path) as number:
                paths.vfs.xattrs.set(number, b"user.origin", b"a phone", 0)
    except OSError:
        return False
    return True


def _write_sparse(paths: Paths) -> None:
    paths.write(SPARSE, b"begin")
    with paths.held(SPARSE) as number:
        fh = paths.vfs.files.open(number, os.O_RDWR).fh
        paths.vfs.files.write(fh, 2 * CHUNK + 5, memoryview(b"end"), paths.scratch)
        paths.vfs.files.release(fh)


def _places(paths: Paths, top: Path) -> dict[bytes, Path]:
    places = {}
    for name in paths.walk():
        with paths.held(name) as number:
            places[name] = sealed_path(paths, top, number)
    return places


def sealed_path(paths: Paths, top: Path, number: Ino) -> Path:
    """Return where the ciphertext of a held inode is."""
    inode = paths.vfs.context.inodes[number]
    names: list[str] = []
    while inode.links:
        link = inode.link()
        names.append(os.fsdecode(paths.vfs.context.seal(link.parent, link.name).entry))
        inode = link.parent
    return top.joinpath("tree", *reversed(names))
