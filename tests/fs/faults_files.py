"""Programs on open files, attributes and the whole filesystem."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fs.faults_program import Program, both, nothing, put
from fs.faults_world import BIG, CHUNK, NOW_SEEN, SET, World
from fs.paths import ME
from wafs.fs.files import FALLOC_KEEP_SIZE, FALLOC_PUNCH_HOLE, FALLOC_ZERO_RANGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from wafs.units import Fh, Ino

TRUNC = os.O_RDWR | os.O_TRUNC
HOLE = FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE
NEW = bytes(range(7, 250)) * 40
_CUT = put(b"setid", b"")


def sparse_in_its_place(w: World) -> int:
    """Open a file with a hole that no journal tells of any more."""
    fh = w.open(b"empty")
    w.write(fh, 9 * CHUNK, b"far")
    w.vfs.commits.run()
    return fh


def opened(path: bytes, flags: int = os.O_RDWR) -> Callable[[World], Fh]:
    return lambda world: world.open(path, flags)


def over(offset: int, data: bytes) -> bytes:
    return BIG[:offset].ljust(offset, b"\0") + data + BIG[offset + len(data) :]


def write(path: bytes, offset: int, data: bytes, content: bytes) -> Program:
    return Program(
        "files.write",
        lambda world, fh: world.write(fh, offset, data),
        opened(path),
        put(path, content),
        touched=(path,),
    )


def fallocate(mode: int, offset: int, size: int, content: bytes | None, *between: bytes) -> Program:
    return Program(
        "files.fallocate",
        lambda world, fh: world.vfs.files.fallocate(fh, mode, offset, size=size, scratch=world.scratch),
        opened(b"big"),
        put(b"big", BIG if content is None else content),
        tuple(put(b"big", one) for one in between),
        touched=(b"big",),
    )


def _open_and_keep(flags: int) -> Callable[[World, int], bool]:
    def act(world: World, number: int) -> bool:
        found = world.vfs.files.open(number, flags, drop_setid=True)
        world.keep(found.fh)
        return found.is_size_new

    return act


def _copy(world: World, fhs: tuple[Fh, Fh]) -> int:
    return world.vfs.files.copy_range(fhs[0], 0, fhs[1], new_offset=100, size=2 * CHUNK)


def _unsealed(path: bytes, data: bytes) -> Callable[[World], Fh]:
    def prepare(world: World) -> Fh:
        fh = world.open(path)
        world.write(fh, 0, data)
        return fh

    return prepare


def _unsealed_new(world: World) -> Fh:
    fh = world.created(world.ino(b"dir"), b"fresh")
    world.write(fh, 0, NEW)
    return fh


def _create(name: bytes) -> Callable[[World, Ino], None]:
    def act(world: World, number: Ino) -> None:
        world.created(number, name)

    return act


def _create_unnamed(world: World, _: None) -> None:
    world.unnamed()


def _became_writable(world: World) -> Fh:
    reader = world.open(b"big", os.O_RDONLY)
    writer = world.open(b"big")
    world.vfs.files.release(reader)
    return writer


def _release(world: World, fh: Fh) -> None:
    world.vfs.files.release(fh)


FILES = {
    "open to read": Program("files.open", _open_and_keep(os.O_RDONLY), lambda w: w.ino(b"big")),
    "open to write": Program("files.open", _open_and_keep(os.O_RDWR), lambda w: w.ino(b"dir/in")),
    "open to write what is open": Program(
        "files.open", _open_and_keep(os.O_RDWR), lambda w: (w.open(b"big", os.O_RDONLY), w.ino(b"big"))[1]
    ),
    "open to cut": Program("files.open", _open_and_keep(TRUNC), lambda w: w.ino(b"big"), put(b"big", b"")),
    "open to cut a set-id file": Program(
        "files.open", _open_and_keep(TRUNC), lambda w: w.ino(b"setid"), both(_CUT, put(b"setid", mode=0o755)), (_CUT,)
    ),
    "create": Program("files.create", _create(b"made"), lambda w: w.ino(b"dir"), put(b"dir/made", b"")),
    "create with a long name": Program(
        "files.create", _create(b"m" * 200), lambda w: w.ino(b"dir"), put(b"dir/" + b"m" * 200, b"")
    ),
    "create unnamed": Program("files.create_unnamed", _create_unnamed),
    "write waits": Program(
        "files.write_waits", lambda w, fh: w.vfs.files.write_waits(fh, 0), opened(b"big"), silent=True
    ),
    "size": Program("files.size", lambda w, fh: w.vfs.files.size(fh), opened(b"big"), silent=True),
    "content": Program("files.content_of", lambda w, fh: w.vfs.files.content_of(fh).size, opened(b"big"), silent=True),
    "files idle": Program("files.is_idle", lambda w, fh: w.vfs.files.is_idle(), opened(b"big"), silent=True),
    "read all": Program("files.read", lambda w, fh: w.read(fh, 0, len(BIG)), opened(b"big")),
    "read a part": Program("files.read", lambda w, fh: w.read(fh, CHUNK - 5, 10), opened(b"big")),
    "write inside a chunk": write(b"big", 5000, b"new bytes", over(5000, b"new bytes")),
    "write a whole chunk": write(b"big", CHUNK, NEW[:CHUNK], over(CHUNK, NEW[:CHUNK])),
    "write over several chunks": write(b"big", 3000, NEW, over(3000, NEW)),
    "write over all": write(b"big", 0, BIG[::-1], BIG[::-1]),
    "append to a part of a chunk": write(b"big", len(BIG), b"more", BIG + b"more"),
    "append several chunks": write(b"big", len(BIG), NEW, BIG + NEW),
    "append to whole chunks": write(b"edge", 2 * CHUNK, b"more", b"e" * 2 * CHUNK + b"more"),
    "write behind the end": write(b"dir/in", 2 * CHUNK + 7, b"far", b"inside".ljust(2 * CHUNK + 7, b"\0") + b"far"),
    "write into an empty file": write(b"empty", 0, NEW, NEW),
    "write to a set-id file": Program(
        "files.write",
        lambda w, fh: w.write(fh, 1, b"y", drop_setid=True),
        opened(b"setid"),
        both(put(b"setid", b"xy" + b"x" * 48), put(b"setid", mode=0o755)),
        (put(b"setid", b"xy" + b"x" * 48),),
    ),
    "release what was read": Program("files.release", _release, opened(b"big", os.O_RDONLY), once=True),
    "release what became writable": Program("files.release", _release, _became_writable, once=True),
    "release what was overwritten": Program(
        "files.release", _release, _unsealed(b"big", b"new"), touched=(b"big",), once=True
    ),
    "release what grew": Program("files.release", _release, _unsealed_new, touched=(b"dir/fresh",), once=True),
    "release all": Program(
        "files.release_all", lambda w, _: w.vfs.files.release_all(), _unsealed_new, touched=(b"dir/fresh",), once=True
    ),
    "fsync": Program("files.sync", lambda w, fh: w.vfs.files.sync(fh, data_only=False), _unsealed(b"big", b"new")),
    "fdatasync": Program("files.sync", lambda w, fh: w.vfs.files.sync(fh, data_only=True), _unsealed_new),
    "seek data": Program(
        "files.seek", lambda w, fh: w.vfs.files.seek(fh, 10, os.SEEK_DATA), opened(b"big"), silent=True
    ),
    "seek in a sparse file": Program(
        "files.seek", lambda w, fh: w.vfs.files.seek(fh, 10, os.SEEK_DATA), sparse_in_its_place
    ),
    "punch": fallocate(HOLE, CHUNK, CHUNK, over(CHUNK, bytes(CHUNK))),
    "punch across chunks": fallocate(
        HOLE,
        CHUNK - 10,
        2 * CHUNK,
        over(CHUNK - 10, bytes(2 * CHUNK)),
        over(CHUNK - 10, bytes(10)),
        over(2 * CHUNK, bytes(CHUNK - 10)),
        BIG[: CHUNK - 10] + bytes(10) + BIG[CHUNK : 2 * CHUNK] + bytes(CHUNK - 10) + BIG[3 * CHUNK - 10 :],
    ),
    "zero behind the end": fallocate(
        FALLOC_ZERO_RANGE,
        CHUNK,
        4 * CHUNK,
        BIG[:CHUNK] + bytes(4 * CHUNK),
        BIG[:CHUNK] + bytes(len(BIG) - CHUNK),
    ),
    "reserve": fallocate(FALLOC_KEEP_SIZE, 0, 8 * CHUNK, None),
    "reserve and grow": fallocate(0, 0, 8 * CHUNK, BIG.ljust(8 * CHUNK, b"\0")),
    "drop set-id bits": Program(
        "files.drop_setid",
        lambda w, fh: w.vfs.files.drop_setid(fh),
        opened(b"setid"),
        put(b"setid", mode=0o755),
    ),
    "copy a range": Program(
        "files.copy_range",
        _copy,
        lambda w: (w.open(b"big", os.O_RDONLY), w.open(b"edge")),
        put(b"edge", b"e" * 100 + BIG[: 2 * CHUNK]),
        touched=(b"edge",),
    ),
}


def change(path: bytes, model: Callable[..., None], *between: Callable[..., None], **changes: object) -> Program:
    return Program(
        "attributes.set",
        lambda world, number: world.set(number, **changes),
        lambda world: world.ino(path),
        model,
        between,
        touched=(path,),
    )


_SHORT = put(b"big", BIG[:5000])
_MODE = put(b"big", mode=0o600)

ATTRIBUTES = {
    "stat": Program("attributes.get", lambda w, n: w.vfs.attributes.get(n).size, lambda w: w.ino(b"big")),
    "stat what is in flight": Program(
        "attributes.get",
        lambda w, n: w.vfs.attributes.get(n).size,
        lambda w: (_unsealed_new(w), w.ino(b"dir/fresh"))[1],
        touched=(b"dir/fresh",),
    ),
    "statvfs": Program("attributes.statvfs", lambda w, _: w.vfs.attributes.statvfs().f_bsize),
    "cut": change(b"big", _SHORT, size=5000),
    "cut at a chunk": change(b"big", put(b"big", BIG[:CHUNK]), size=CHUNK),
    "cut to nothing": change(b"big", put(b"big", b""), size=0),
    "extend": change(b"big", put(b"big", BIG.ljust(50_000, b"\0")), size=50_000),
    "cut a set-id file": change(
        b"setid",
        both(put(b"setid", b"x" * 20), put(b"setid", mode=0o755)),
        put(b"setid", b"x" * 20),
        size=20,
        drop_setid=True,
    ),
    "chmod": change(b"big", _MODE, mode=0o600),
    "chown": change(b"big", nothing, uid=ME.uid, gid=ME.gid),
    "utimens": change(b"big", put(b"big", mtime=SET), mtime=SET, atime=SET),
    "utimens to now": change(b"big", put(b"big", mtime=NOW_SEEN), mtime="now"),
    "chmod of a folder": change(b"dir", put(b"dir", mode=0o755), mode=0o755),
    "all at once": change(
        b"big",
        both(_SHORT, put(b"big", mode=0o600, mtime=SET)),
        _SHORT,
        both(_SHORT, _MODE),
        size=5000,
        uid=ME.uid,
        mode=0o600,
        mtime=SET,
    ),
    "attributes of an open file": Program(
        "attributes.set",
        lambda w, n: w.set(n, uid=ME.uid, mode=0o600, mtime=SET),
        lambda w: (w.open(b"big"), w.ino(b"big"))[1],
        put(b"big", mode=0o600, mtime=SET),
        (_MODE,),
    ),
}

XATTRS = {
    "get an attribute": Program(
        "xattrs.get", lambda w, n: w.vfs.xattrs.get(n, b"user.kept"), lambda w: w.ino(b"dir/in")
    ),
    "attribute of a folder": Program(
        "xattrs.get", lambda w, n: w.vfs.xattrs.get(n, b"user.kept"), lambda w: w.ino(b"dir")
    ),
    "set an attribute": Program(
        "xattrs.set",
        lambda w, n: w.vfs.xattrs.set(n, b"user.new", b"v", 0),
        lambda w: w.ino(b"small"),
        both(
            put(b"small", xattrs=((b"user.new", b"v"),)),
            put(b"dir/other", xattrs=((b"user.new", b"v"),)),
        ),
    ),
    "replace an attribute": Program(
        "xattrs.set",
        lambda w, n: w.vfs.xattrs.set(n, b"user.kept", b"v2", 0),
        lambda w: w.ino(b"dir/in"),
        put(b"dir/in", xattrs=((b"user.kept", b"v2"),)),
    ),
    "names of attributes": Program("xattrs.names", lambda w, n: w.vfs.xattrs.names(n), lambda w: w.ino(b"dir/in")),
    "remove an attribute": Program(
        "xattrs.remove",
        lambda w, n: w.vfs.xattrs.remove(n, b"user.kept"),
        lambda w: w.ino(b"dir/in"),
        put(b"dir/in", xattrs=()),
    ),
}
