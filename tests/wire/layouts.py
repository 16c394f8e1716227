"""Layouts: the structs of the FUSE protocol once more, written from linux/fuse.h for the tests.

Nothing here comes from wafs, so that a mistake in its layouts shows. A spec is a row of
`name:type`: the types of the struct module, `z` for a NUL-terminated string, `*` for all the bytes
that are left.
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

Value = int | bytes
Values = dict[str, Value]

IN_HEADER = "len:I opcode:I unique:Q nodeid:Q uid:I gid:I pid:I total_extlen:H padding:H"
OUT_HEADER = "len:I error:i unique:Q"

_ATTR = (
    "ino:Q size:Q blocks:Q atime:q mtime:q ctime:q atimensec:I mtimensec:I ctimensec:I"
    " mode:I nlink:I uid:I gid:I rdev:I blksize:I flags:I"
)
ENTRY = "nodeid:Q generation:Q entry_valid:Q attr_valid:Q entry_valid_nsec:I attr_valid_nsec:I " + _ATTR
ATTR = "attr_valid:Q attr_valid_nsec:I dummy:I " + _ATTR
OPEN_OUT = "fh:Q open_flags:I backing_id:i"
DIRENT = "ino:Q off:Q namelen:I type:I"
_OPEN = "flags:I open_flags:I"
_READ = "fh:Q offset:Q size:I read_flags:I lock_owner:Q flags:I padding:I"
_RELEASE = "fh:Q flags:I release_flags:I lock_owner:Q"
_FSYNC = "fh:Q fsync_flags:I padding:I"
_CREATE = "flags:I mode:I umask:I open_flags:I name:z"
_COPY = "fh_in:Q off_in:Q nodeid_out:Q fh_out:Q off_out:Q length:Q flags:Q"
_LK = "fh:Q owner:Q start:Q end:Q type:I pid:I lk_flags:I padding:I"
_STATX_TIMES = " ".join(f"{t}_sec:q {t}_nsec:I {t}_reserved:i" for t in ("atime", "btime", "ctime", "mtime"))

OPCODES = {
    "LOOKUP": 1, "FORGET": 2, "GETATTR": 3, "SETATTR": 4, "READLINK": 5, "SYMLINK": 6, "MKNOD": 8,
    "MKDIR": 9, "UNLINK": 10, "RMDIR": 11, "RENAME": 12, "LINK": 13, "OPEN": 14, "READ": 15,
    "WRITE": 16, "STATFS": 17, "RELEASE": 18, "FSYNC": 20, "SETXATTR": 21, "GETXATTR": 22,
    "LISTXATTR": 23, "REMOVEXATTR": 24, "FLUSH": 25, "INIT": 26, "OPENDIR": 27, "READDIR": 28,
    "RELEASEDIR": 29, "FSYNCDIR": 30, "GETLK": 31, "SETLK": 32, "SETLKW": 33, "ACCESS": 34,
    "CREATE": 35, "INTERRUPT": 36, "BMAP": 37, "DESTROY": 38, "IOCTL": 39, "POLL": 40,
    "NOTIFY_REPLY": 41, "BATCH_FORGET": 42, "FALLOCATE": 43, "READDIRPLUS": 44, "RENAME2": 45,
    "LSEEK": 46, "COPY_FILE_RANGE": 47, "SETUPMAPPING": 48, "REMOVEMAPPING": 49, "SYNCFS": 50,
    "TMPFILE": 51, "STATX": 52, "COPY_FILE_RANGE_64": 53,
}  # fmt: skip
NAMES = {number: name for name, number in OPCODES.items()}

REQUESTS = {
    "LOOKUP": "name:z",
    "FORGET": "nlookup:Q",
    "GETATTR": "getattr_flags:I dummy:I fh:Q",
    "SETATTR": (
        "valid:I padding:I fh:Q size:Q lock_owner:Q atime:q mtime:q ctime:q atimensec:I"
        " mtimensec:I ctimensec:I mode:I unused4:I uid:I gid:I unused5:I"
    ),
    "READLINK": "",
    "SYMLINK": "name:z target:z",
    "MKNOD": "mode:I rdev:I umask:I padding:I name:z",
    "MKDIR": "mode:I umask:I name:z",
    "UNLINK": "name:z",
    "RMDIR": "name:z",
    "RENAME": "newdir:Q name:z newname:z",
    "LINK": "oldnodeid:Q name:z",
    "OPEN": _OPEN,
    "READ": _READ,
    "WRITE": "fh:Q offset:Q size:I write_flags:I lock_owner:Q flags:I padding:I data:*",
    "STATFS": "",
    "RELEASE": _RELEASE,
    "FSYNC": _FSYNC,
    "SETXATTR": "size:I flags:I setxattr_flags:I padding:I name:z value:*",
    "GETXATTR": "size:I padding:I name:z",
    "LISTXATTR": "size:I padding:I",
    "REMOVEXATTR": "name:z",
    "FLUSH": "fh:Q unused:I padding:I lock_owner:Q",
    "INIT": "major:I minor:I max_readahead:I flags:I flags2:I" + "".join(f" unused{i}:I" for i in range(11)),
    "OPENDIR": _OPEN,
    "READDIR": _READ,
    "RELEASEDIR": _RELEASE,
    "FSYNCDIR": _FSYNC,
    "GETLK": _LK,
    "SETLK": _LK,
    "SETLKW": _LK,
    "ACCESS": "mask:I padding:I",
    "CREATE": _CREATE,
    "INTERRUPT": "unique:Q",
    "BMAP": "block:Q blocksize:I padding:I",
    "DESTROY": "",
    "IOCTL": "fh:Q flags:I cmd:I arg:Q in_size:I out_size:I data:*",
    "POLL": "fh:Q kh:Q flags:I events:I",
    "NOTIFY_REPLY": "dummy1:Q offset:Q size:I dummy2:I dummy3:Q dummy4:Q data:*",
    "BATCH_FORGET": "count:I dummy:I data:*",
    "FALLOCATE": "fh:Q offset:Q length:Q mode:I padding:I",
    "READDIRPLUS": _READ,
    "RENAME2": "newdir:Q flags:I padding:I name:z newname:z",
    "LSEEK": "fh:Q offset:q whence:I padding:I",
    "COPY_FILE_RANGE": _COPY,
    "COPY_FILE_RANGE_64": _COPY,
    "SYNCFS": "padding:Q",
    "TMPFILE": _CREATE,
    "STATX": "getattr_flags:I reserved:I fh:Q flags:I mask:I",
}

REPLIES = {
    **dict.fromkeys(("LOOKUP", "SYMLINK", "MKNOD", "MKDIR", "LINK"), ENTRY),
    **dict.fromkeys(("CREATE", "TMPFILE"), f"{ENTRY} {OPEN_OUT}"),
    **dict.fromkeys(("GETATTR", "SETATTR"), ATTR),
    **dict.fromkeys(("OPEN", "OPENDIR"), OPEN_OUT),
    **dict.fromkeys(("WRITE", "COPY_FILE_RANGE"), "size:I padding:I"),
    **dict.fromkeys(("READ", "READLINK", "READDIR", "READDIRPLUS"), "data:*"),
    **dict.fromkeys(("GETXATTR", "LISTXATTR"), "data:*"),
    "COPY_FILE_RANGE_64": "bytes_copied:Q",
    "STATFS": (
        "blocks:Q bfree:Q bavail:Q files:Q ffree:Q bsize:I namelen:I frsize:I padding:I"
        + "".join(f" spare{i}:I" for i in range(6))
    ),
    "INIT": (
        "major:I minor:I max_readahead:I flags:I max_background:H congestion_threshold:H"
        " max_write:I time_gran:I max_pages:H map_alignment:H flags2:I max_stack_depth:I"
        " request_timeout:H" + "".join(f" unused{i}:H" for i in range(11))
    ),
    "LSEEK": "offset:Q",
    "GETLK": "start:Q end:Q type:I pid:I",
    "BMAP": "block:Q",
    "POLL": "revents:I padding:I",
    "IOCTL": "result:i flags:I in_iovs:I out_iovs:I data:*",
    "STATX": (
        "attr_valid:Q attr_valid_nsec:I flags:I spare0:Q spare1:Q"
        " mask:I blksize:I attributes:Q nlink:I uid:I gid:I mode:H spare2:H ino:Q size:Q blocks:Q"
        f" attributes_mask:Q {_STATX_TIMES} rdev_major:I rdev_minor:I dev_major:I dev_minor:I"
        + "".join(f" spare{i}:Q" for i in range(3, 17))
    ),
}


class Field(NamedTuple):
    """One field of a message: where it stands, its bytes, and what they mean."""

    offset: int
    raw: bytes
    name: str
    value: Value


def fields(spec: str, data: bytes) -> Iterator[Field]:
    """Cut `data` into the fields of `spec`; raises ValueError unless both end together."""
    at = 0
    for item in spec.split():
        name, kind = item.split(":")
        value: Value
        if kind == "*":
            raw = value = data[at:]
        elif kind == "z":
            raw = data[at : data.index(0, at) + 1]
            value = raw[:-1]
        else:
            raw = data[at : at + struct.calcsize("=" + kind)]
            if len(raw) < struct.calcsize("=" + kind):
                msg = f"no room for {name} at {at}"
                raise ValueError(msg)
            (value,) = struct.unpack("=" + kind, raw)
        yield Field(at, raw, name, value)
        at += len(raw)
    if at != len(data):
        msg = f"{len(data) - at} bytes too many"
        raise ValueError(msg)


def decode(spec: str, data: bytes) -> Values:
    """Return the fields of `data` by name."""
    return {field.name: field.value for field in fields(spec, data)}


def encode(spec: str, values: Values) -> bytes:
    """Return the bytes of `spec` with these values; a field without one is 0 or empty."""
    parts = []
    for item in spec.split():
        name, kind = item.split(":")
        if kind in "z*":
            text = values.get(name, b"")
            assert isinstance(text, bytes)
            parts.append(text + b"\0" if kind == "z" else text)
        else:
            parts.append(struct.pack("=" + kind, values.get(name, 0)))
    return b"".join(parts)


def request_fields(message: bytes) -> list[Field]:
    """Cut a whole request, header and extensions included, into its fields."""
    header = list(fields(IN_HEADER, message[:40]))
    values = {field.name: field.value for field in header}
    end = len(message) - 8 * _int(values["total_extlen"])
    spec = REQUESTS[NAMES[_int(values["opcode"])]]
    body = [_moved(field, 40) for field in fields(spec, message[40:end])]
    rest = message[end:]
    return header + body + ([Field(end, rest, "extensions", rest)] if rest else [])


def reply_fields(name: str, reply: bytes, *, asked: Values) -> list[Field]:
    """Cut a whole reply into its fields; `asked` has the fields of the request called `name`."""
    header = list(fields(OUT_HEADER, reply[:16]))
    if header[1].value != 0:
        return header
    spec = REPLIES.get(name, "")
    if name in {"GETXATTR", "LISTXATTR"} and asked["size"] == 0:
        spec = "size:I padding:I"
    if name in {"READDIR", "READDIRPLUS"}:
        body = dirent_fields(reply[16:], plus=name == "READDIRPLUS")
    else:
        body = list(fields(spec, reply[16:]))
    return header + [_moved(field, 16) for field in body]


def dirent_fields(data: bytes, *, plus: bool) -> list[Field]:
    """Cut the body of a READDIR or READDIRPLUS reply into its fields; names get the entry's number.

    Raises ValueError for a name that is empty or reaches beyond the end, and for wrong padding.
    """
    found: list[Field] = []
    spec = f"{ENTRY} {DIRENT}".replace(" ino:Q", " attr_ino:Q", 1) if plus else DIRENT
    size = 152 if plus else 24
    at = number = 0
    while at < len(data):
        front = list(fields(spec, data[at : at + size]))
        length = _int(front[-2].value)
        name = data[at + size : at + size + length]
        end = (at + size + length + 7) // 8 * 8
        padding = data[at + size + length : end]
        if not name or end > len(data) or any(padding):
            msg = f"entry {number} of the directory is malformed"
            raise ValueError(msg)
        found += [Field(at + f.offset, f.raw, f"{f.name}[{number}]", f.value) for f in front]
        found.append(Field(at + size, name, f"name[{number}]", name))
        if padding:
            found.append(Field(end - len(padding), padding, f"padding[{number}]", padding))
        at = end
        number += 1
    return found


def _int(value: Value) -> int:
    assert isinstance(value, int)
    return value


def _moved(field: Field, by: int) -> Field:
    return field._replace(offset=field.offset + by)
