"""Answers: what replies mean, for the fake kernel; checked as strictly as the kernel does."""

from typing import NamedTuple

from wire import layouts
from wire.layouts import Value, Values


class Attr(NamedTuple):
    """Attributes of an inode, with times in nanoseconds since 1970."""

    ino: int
    size: int
    blocks: int
    atime_ns: int
    mtime_ns: int
    ctime_ns: int
    mode: int
    nlink: int
    uid: int
    gid: int
    rdev: int
    blksize: int


class Entry(NamedTuple):
    """A name found or made: its nodeid, and what the kernel may remember for how long."""

    nodeid: int
    generation: int
    entry_ttl_ns: int
    attr_ttl_ns: int
    attr: Attr


class Opened(NamedTuple):
    """An open file or directory."""

    fh: int
    open_flags: int


class Dirent(NamedTuple):
    """One entry of a directory; `entry` is None from READDIR and where no lookup was done."""

    ino: int
    off: int
    type: int
    name: bytes
    entry: Entry | None


def as_int(value: Value) -> int:
    """Return a value that has to be a number."""
    assert isinstance(value, int)
    return value


def as_bytes(value: Value) -> bytes:
    """Return a value that has to be bytes."""
    assert isinstance(value, bytes)
    return value


def _time(values: Values, name: str) -> int:
    seconds, nanoseconds = as_int(values[name]), as_int(values[f"{name}nsec"])
    assert nanoseconds < 1_000_000_000, "nanoseconds out of range"
    return seconds * 1_000_000_000 + nanoseconds


def attr_of(values: Values, ino: str = "ino") -> Attr:
    """Return the attributes among the fields of a reply; checks that they make sense."""
    numbers = (as_int(values[name]) for name in ("mode", "nlink", "uid", "gid", "rdev", "blksize"))
    times = (_time(values, name) for name in ("atime", "mtime", "ctime"))
    sizes = (as_int(values[name]) for name in (ino, "size", "blocks"))
    return Attr(*sizes, *times, *numbers)


def entry_of(values: Values, ino: str = "ino") -> Entry:
    """Return the entry among the fields of a reply."""
    return Entry(
        as_int(values["nodeid"]),
        as_int(values["generation"]),
        _ttl(values, "entry_valid"),
        _ttl(values, "attr_valid"),
        attr_of(values, ino),
    )


def _ttl(values: Values, name: str) -> int:
    return as_int(values[name]) * 1_000_000_000 + as_int(values[f"{name}_nsec"])


def opened_of(values: Values) -> Opened:
    """Return what an OPEN, OPENDIR or CREATE reply says of the handle."""
    return Opened(as_int(values["fh"]), as_int(values["open_flags"]))


def dirents_of(data: bytes, size: int, *, plus: bool) -> list[Dirent]:
    """Return the entries of a READDIR or READDIRPLUS reply to a request for `size` bytes."""
    assert len(data) <= size, "server gave more than was asked for"
    numbered: list[Values] = []
    for field in layouts.dirent_fields(data, plus=plus):
        name, number = field.name.rstrip("]").split("[")
        if int(number) == len(numbered):
            numbered.append({})
        numbered[-1][name] = field.value
    return [
        Dirent(
            as_int(values["ino"]),
            as_int(values["off"]),
            as_int(values["type"]),
            as_bytes(values["name"]),
            entry_of(values, "attr_ino") if plus and values["nodeid"] else None,
        )
        for values in numbered
    ]
