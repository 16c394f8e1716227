"""Programs on entries of directories."""

from __future__ import annotations

import errno
import stat
from typing import TYPE_CHECKING

from fs.faults_files import ATTRIBUTES, FILES, XATTRS
from fs.faults_program import Program, gone, move, node, put, swap
from fs.faults_world import LONG, LONG_FOLDER, World
from fs.paths import ME
from wafs.fs.rename import RENAME_EXCHANGE, RENAME_NOREPLACE
from wafs.units import ROOT_INO, Ino

if TYPE_CHECKING:
    from collections.abc import Callable

NEW_LONG = b"n" * 200
_OLD_PLACE = "keeps its old place as well"


def at(*paths: bytes) -> Callable[[World], list[Ino]]:
    return lambda world: [world.ino(path) for path in paths]


def lookup(folder: bytes, name: bytes) -> Program:
    def act(world: World, number: list[Ino]) -> int:
        entry = world.vfs.tree.lookup(number[0], name)
        world.pin(entry.ino)
        return entry.attrs.size

    return Program("tree.lookup", act, at(folder))


def mkdir(folder: bytes, name: bytes) -> Program:
    def act(world: World, number: list[Ino]) -> None:
        world.pin(world.vfs.tree.mkdir(number[0], name, 0o700, ME).ino)

    return Program("tree.mkdir", act, at(folder), node((folder + b"/" + name).lstrip(b"/"), stat.S_IFDIR, 0o700))


def mknod(name: bytes, kind: int) -> Program:
    def act(world: World, number: list[Ino]) -> None:
        world.pin(world.vfs.tree.mknod(number[0], name, kind | 0o600, device=0, caller=ME).ino)

    model = put(b"dir/" + name, b"") if kind == stat.S_IFREG else node(b"dir/" + name, kind, 0o600)
    return Program("tree.mknod", act, at(b"dir"), model)


def symlink(name: bytes) -> Program:
    def act(world: World, number: list[Ino]) -> None:
        world.pin(world.vfs.tree.symlink(number[0], name, b"to/there", ME).ino)

    return Program("tree.symlink", act, at(b"dir"), node(b"dir/" + name, stat.S_IFLNK, 0o777, b"to/there"))


def link(name: bytes) -> Program:
    def act(world: World, numbers: list[Ino]) -> None:
        world.pin(world.vfs.tree.link(numbers[0], numbers[1], name).ino)

    def model(found: dict[bytes, object]) -> None:
        put(b"dir/in", nlink=2)(found)  # type: ignore[arg-type]
        found[b"moved/" + name] = found[b"dir/in"]

    return Program("tree.link", act, at(b"dir/in", b"moved"), model)  # type: ignore[arg-type]


def _link_unnamed(world: World, number: Ino) -> None:
    world.pin(world.vfs.tree.link(number, ROOT_INO, b"named").ino)


def unlink(folder: bytes, name: bytes, path: bytes) -> Program:
    return Program("tree.unlink", lambda w, n: w.vfs.tree.unlink(n[0], name), at(folder), gone(path), once=True)


def rmdir(folder: bytes, name: bytes, path: bytes) -> Program:
    return Program("tree.rmdir", lambda w, n: w.vfs.tree.rmdir(n[0], name), at(folder), gone(path), once=True)


def rename(old: bytes, new: bytes, model: Callable[..., None], flags: int = 0, *, known: bool = False) -> Program:
    old_folder, _, name = old.rpartition(b"/")
    new_folder, _, new_name = new.rpartition(b"/")

    def prepare(world: World) -> list[Ino]:
        if known:
            world.paths.node(old)
            world.ino(old)
        return [world.ino(old_folder) or ROOT_INO, world.ino(new_folder) or ROOT_INO]

    def act(world: World, ends: list[Ino]) -> None:
        world.vfs.renamer.rename(ends[0], name, ends[1], new_name=new_name, flags=flags)

    return Program("renamer.rename", act, prepare, model, may_log=_OLD_PLACE)


def waiting(world: World, path: bytes) -> None:
    """Overwrite a file and close it, so that what was written is in the journal only."""
    fh = world.open(path)
    world.write(fh, 0, b"new")
    world.vfs.files.release(fh)


def _enter(world: World, fh: int) -> int | None:
    (entry,) = world.vfs.streams.enter(fh, 2, 1)
    if entry is None:
        return None
    world.pin(entry.ino)
    return entry.attrs.size


def _listed(world: World) -> int:
    fh = world.stream(b"dir/sub")
    list(world.vfs.streams.read(fh, 0))
    return fh


def _stream_open(world: World, number: list[Ino]) -> None:
    world.vfs.streams.release(world.vfs.streams.open(number[0]))


def _names(world: World, fh: int) -> list[bytes]:
    return sorted(entry.name for entry in world.vfs.streams.read(fh, 0))


TREE = {
    "lookup": lookup(b"dir", b"in"),
    "lookup below": lookup(b"dir/sub", b"deep"),
    "lookup of a long name": lookup(b"", LONG),
    "forget": Program("tree.forget", lambda w, n: w.vfs.tree.forget(n[0], 0), at(b"dir/in"), silent=True),
    "readlink": Program("tree.readlink", lambda w, n: w.vfs.tree.readlink(n[0]), at(b"sym")),
    "mkdir": mkdir(b"dir", b"made"),
    "mkdir with a long name": mkdir(b"dir", NEW_LONG),
    "mkdir where a folder was moved away": mkdir(b"old", b"made"),
    "mknod of a file": mknod(b"made", stat.S_IFREG),
    "mknod of a long name": mknod(NEW_LONG, stat.S_IFREG),
    "mknod of a fifo": mknod(b"made", stat.S_IFIFO),
    "symlink": symlink(b"made"),
    "symlink with a long name": symlink(NEW_LONG),
    "link": link(b"made"),
    "link with a long name": link(NEW_LONG),
    "link of a file without a name": Program(
        "tree.link",
        _link_unnamed,
        lambda w: w.unnamed()[0],
        put(b"named", b""),
    ),
    "unlink": unlink(b"dir", b"in", b"dir/in"),
    "unlink of a long name": unlink(b"", LONG, LONG),
    "unlink of an open file": Program(
        "tree.unlink",
        lambda w, n: w.vfs.tree.unlink(ROOT_INO, b"big"),
        lambda w: w.open(b"big"),
        gone(b"big"),
        once=True,
    ),
    "unlink of what waits for its place": Program(
        "tree.abandon",
        lambda w, n: w.vfs.tree.unlink(ROOT_INO, b"big"),
        lambda w: waiting(w, b"big"),
        gone(b"big"),
        once=True,
    ),
    "rename over what waits for its place": Program(
        "renamer.rename",
        lambda w, n: w.vfs.renamer.rename(ROOT_INO, b"edge", ROOT_INO, new_name=b"big", flags=0),
        lambda w: waiting(w, b"big"),
        move(b"edge", b"big"),
        touched=(b"big",),
    ),
    "last name": Program(
        "tree.note_last_name", lambda w, n: w.vfs.tree.unlink(n[0], b"in"), at(b"dir"), gone(b"dir/in"), once=True
    ),
    "rmdir": rmdir(b"dir", b"empty", b"dir/empty"),
    "rmdir of a long name": rmdir(b"", LONG_FOLDER, LONG_FOLDER),
    "rmdir of a folder with a record": rmdir(b"", b"old", b"old"),
    "rename a file": rename(b"dir/in", b"moved/in", move(b"dir/in", b"moved/in")),
    "rename over a file": rename(b"dir/in", b"big", move(b"dir/in", b"big")),
    "rename over an open file": Program(
        "renamer.rename",
        lambda w, n: w.vfs.renamer.rename(n, b"in", ROOT_INO, new_name=b"big", flags=0),
        lambda w: (w.open(b"big"), w.ino(b"dir"))[1],
        move(b"dir/in", b"big"),
    ),
    "rename to a long name": rename(b"dir/in", b"dir/" + NEW_LONG, move(b"dir/in", b"dir/" + NEW_LONG)),
    "rename from a long name": rename(LONG, b"short", move(LONG, b"short")),
    "rename to a new name": rename(b"dir/in", b"new", move(b"dir/in", b"new"), RENAME_NOREPLACE),
    "rename a folder": rename(b"dir", b"moved/dir", move(b"dir", b"moved/dir"), known=True),
    "rename a folder in place": rename(b"dir/sub", b"dir/else", move(b"dir/sub", b"dir/else")),
    "rename a folder over an empty one": rename(b"dir/sub", b"dir/empty", move(b"dir/sub", b"dir/empty")),
    "rename a folder over one with a record": rename(b"dir/sub", b"old", move(b"dir/sub", b"old")),
    "rename a folder to a long name": rename(b"dir", b"moved/" + NEW_LONG, move(b"dir", b"moved/" + NEW_LONG)),
    "exchange files": rename(b"dir/in", b"big", swap(b"dir/in", b"big"), RENAME_EXCHANGE),
    "exchange folders": rename(b"dir/sub", b"moved/gone", swap(b"dir/sub", b"moved/gone"), RENAME_EXCHANGE),
    "exchange a folder and a file": rename(b"dir/sub", b"big", swap(b"dir/sub", b"big"), RENAME_EXCHANGE),
    "enter": Program("tree.enter", _enter, _listed, result_may_differ=True),
}

STREAMS = {
    "open a folder": Program("streams.open", _stream_open, at(b"dir/sub")),
    "list": Program("streams.read", _names, lambda w: w.stream(b"dir")),
    "list long names": Program(
        "streams.read", _names, lambda w: w.stream(b""), may_log="foreign entries in a folder", result_may_differ=True
    ),
    "enter from a list": Program("streams.enter", _enter, _listed, result_may_differ=True),
    "fsync of a folder": Program("streams.sync", lambda w, fh: w.vfs.streams.sync(fh), lambda w: w.stream(b"dir")),
    "release a folder": Program(
        "streams.release", lambda w, fh: w.vfs.streams.release(fh), lambda w: w.stream(b"dir"), silent=True
    ),
    "release all folders": Program(
        "streams.release_all", lambda w, _: w.vfs.streams.release_all(), lambda w: w.stream(b"dir"), silent=True
    ),
    "folders idle": Program(
        "streams.is_idle", lambda w, _: w.vfs.streams.is_idle(), lambda w: w.stream(b"dir"), silent=True
    ),
}


def _much_open(world: World) -> None:
    world.stream(b"dir")
    for path in (b"big", b"empty"):
        world.write(world.open(path), 0, b"new")


ENDING = {
    "close": Program("close", lambda w, _: w.vfs.close(), _much_open, touched=(b"big", b"empty"), ends=True, once=True),
}


def _overwritten(world: World) -> None:
    world.write(world.open(b"big"), 0, b"new")


def commits(name: str, act: Callable[[World, object], object], *, silent: bool = False) -> Program:
    return Program(f"commits.{name}", act, _overwritten, touched=(b"big",), silent=silent)


COMMITS = {
    "bring everything to its place": commits("run", lambda w, _: w.vfs.commits.run()),
    "bring all of it to its place": commits("finish", lambda w, _: w.vfs.commits.finish()),
    "bring everything to its place, and wait": commits("settle", lambda w, _: w.vfs.commits.settle()),
    "sync the journal": commits("tick", lambda w, _: w.vfs.commits.tick()),
    "full": commits("is_full", lambda w, _: w.vfs.commits.is_full, silent=True),
    "make room": commits("make_room", lambda w, _: w.vfs.commits.make_room(), silent=True),
    "journal there": commits("has_work", lambda w, _: w.vfs.commits.has_work, silent=True),
}


def reasons(name: str, act: Callable[[World, list[Ino]], object]) -> Program:
    may_log = "wafs why tells"
    return Program(f"reasons.{name}", act, at(b"big"), may_log=may_log, silent=True)


REASONS = {
    "note a reason": reasons("note", lambda w, n: w.vfs.reasons.note(n[0], OSError(errno.EIO, "failed"))),
    "reasons": reasons("of", lambda w, n: w.vfs.reasons.of(n[0])),
    "reasons as JSON": reasons("encode", lambda w, n: w.vfs.reasons.encode(n[0])),
}

PROGRAMS = FILES | ATTRIBUTES | XATTRS | TREE | STREAMS | COMMITS | REASONS | ENDING
