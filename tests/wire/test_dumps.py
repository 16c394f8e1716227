"""Real requests of a real kernel, and the replies it took."""

import struct
from collections.abc import Callable

import pytest

from wafs.errors import MalformedRequestError
from wafs.fuse.wire import replies, requests
from wafs.fuse.wire.flags import InitFlag
from wafs.fuse.wire.opcodes import UNANSWERED, Opcode
from wire import dumps, layouts
from wire.dumps import Dump, Message
from wire.layouts import Value, Values
from wire.parsers import PARSERS, parsed_values

PATHS = sorted(dumps.DATA.glob("*.hex"))
NOT_RECORDED = {
    "BMAP": "only for block devices",
    "DESTROY": "only for block devices and virtiofs",
    "NOTIFY_REPLY": "only after NotifyCode.RETRIEVE, which wafs does not send",
    "REMOVEMAPPING": "virtiofs only",
    "SETLKW": "has the layout of SETLK, which is recorded",
    "SETUPMAPPING": "virtiofs only",
    "SYNCFS": "virtiofs only",
}

each_dump = pytest.mark.parametrize("dump", [dumps.load(p) for p in PATHS], ids=[p.stem for p in PATHS])


def test_every_request_is_recorded_but_for_those_with_a_reason() -> None:
    recorded = {dumps.load(path).opcode for path in PATHS}
    assert recorded | set(NOT_RECORDED) == set(layouts.OPCODES)
    assert not recorded & set(NOT_RECORDED)


def test_opcodes_are_those_of_the_header() -> None:
    ours = {opcode.name: opcode.value for opcode in Opcode if opcode != Opcode.CUSE_INIT}
    assert ours == layouts.OPCODES


@each_dump
def test_annotations_agree_with_the_bytes(dump: Dump) -> None:
    found = layouts.request_fields(dump.request.raw)
    assert {f.name: f.value for f in found if f.offset < 40} == dump.request.header
    assert {f.name: f.value for f in found if f.offset >= 40} == dump.request.body


@each_dump
def test_request_parses_to_what_was_annotated(dump: Dump) -> None:
    header, body = requests.parse_request(memoryview(dump.request.raw))
    want = dump.request.header
    assert header == (
        want["len"], want["opcode"], want["unique"], want["nodeid"],
        want["uid"], want["gid"], want["pid"], want["total_extlen"],
    )  # fmt: skip
    if dump.opcode not in PARSERS:
        assert not body
        return
    values = parsed_values(dump.opcode, body)
    expected: dict[str, object] = dict(dump.request.body)
    if dump.opcode == "INIT":
        expected["flags"] = _number(dump.request, "flags") | _number(dump.request, "flags2") << 32
    if dump.opcode == "BATCH_FORGET":
        data = dump.request.body["data"]
        assert isinstance(data, bytes)
        expected["forgets"] = list(struct.iter_unpack("=QQ", data))
    if dump.opcode == "RENAME":
        expected["flags"] = 0
    assert values == {name: expected[name] for name in values}
    known = set(values) | {"extensions", "size", "flags2", "count", "data", "major", "minor"}
    left_out = {n: v for n, v in dump.request.body.items() if n not in known}
    assert set(left_out.values()) <= {0}, "a field that means something is not parsed"


@each_dump
def test_request_one_byte_short_is_refused(dump: Dump) -> None:
    _, body = requests.parse_request(memoryview(dump.request.raw))
    if dump.opcode in PARSERS:
        with pytest.raises(MalformedRequestError):
            PARSERS[dump.opcode](body[:-1])
    with pytest.raises(MalformedRequestError):
        requests.parse_request(memoryview(dump.request.raw)[:-1])


@each_dump
def test_reply_has_exactly_these_bytes(dump: Dump) -> None:
    if not dump.reply.raw:
        assert Opcode[dump.opcode] in UNANSWERED | {Opcode.INTERRUPT, Opcode.GETXATTR}
        return
    unique = _number(dump.request, "unique", header=True)
    error = _number(dump.reply, "error", header=True)
    if error:
        assert dump.reply.raw == replies.error(unique, -error)
        return
    body = dump.reply.raw[16:]
    assert dump.reply.raw[:16] == replies.header(unique, len(body))
    assert body == BUILDERS.get(dump.opcode, _plain)(dump)


def _number(message: Message, name: str, *, header: bool = False) -> int:
    value = (message.header if header else message.body)[name]
    assert isinstance(value, int)
    return value


def _integers(values: Values) -> dict[str, int]:
    return {name: value for name, value in values.items() if isinstance(value, int)}


def _attr(v: dict[str, int], ino: str = "ino") -> replies.Attr:
    times = (v[t] * 10**9 + v[f"{t}nsec"] for t in ("atime", "mtime", "ctime"))
    rest = (v[n] for n in ("mode", "nlink", "uid", "gid", "rdev", "blksize"))
    return replies.Attr(v[ino], v["size"], v["blocks"], *times, *rest)


def _ttl(v: dict[str, int], name: str) -> int:
    return v[name] * 10**9 + v[f"{name}_nsec"]


def _entry_out(v: dict[str, int], ino: str = "ino") -> bytes:
    return replies.entry_out(
        v["nodeid"],
        v["generation"],
        _attr(v, ino),
        entry_ttl_ns=_ttl(v, "entry_valid"),
        attr_ttl_ns=_ttl(v, "attr_valid"),
    )


def _entry(dump: Dump) -> bytes:
    return _entry_out(_integers(dump.reply.body))


def _create(dump: Dump) -> bytes:
    v = _integers(dump.reply.body)
    return replies.create_out(_entry(dump), v["fh"], v["open_flags"])


def _attributes(dump: Dump) -> bytes:
    v = _integers(dump.reply.body)
    return replies.attr_out(_attr(v), ttl_ns=_ttl(v, "attr_valid"))


def _open(dump: Dump) -> bytes:
    v = _integers(dump.reply.body)
    return replies.open_out(v["fh"], v["open_flags"])


def _write(dump: Dump) -> bytes:
    return replies.write_out(_number(dump.reply, "size"))


def _statfs(dump: Dump) -> bytes:
    v = _integers(dump.reply.body)
    return replies.statfs_out(replies.Statfs(*(v[name] for name in replies.Statfs._fields)))


def _init(dump: Dump) -> bytes:
    v = _integers(dump.reply.body) | {"flags": _number(dump.reply, "flags")}
    v["flags"] |= v["flags2"] << 32
    assert InitFlag(v["flags"]) & InitFlag.INIT_EXT, "without it the kernel ignores flags2"
    return replies.init_out(replies.InitOut(*(v[name] for name in replies.InitOut._fields)))


def _statx(dump: Dump) -> bytes:
    v = _integers(dump.reply.body)
    v["rdev"] = 0
    for name in ("atime", "mtime", "ctime", "btime"):
        v[name], v[f"{name}nsec"] = v[f"{name}_sec"], v[f"{name}_nsec"]
    btime_ns = v["btime"] * 10**9 + v["btimensec"]
    ttl_ns = _ttl(v, "attr_valid")
    return replies.statx_out(_attr(v), mask=v["mask"], ttl_ns=ttl_ns, btime_ns=btime_ns)


def _lk(dump: Dump) -> bytes:
    v = _integers(dump.reply.body)
    return replies.lk_out(start=v["start"], end=v["end"], type_=v["type"], pid=v["pid"])


def _directory(dump: Dump) -> bytes:
    numbered: dict[str, dict[str, Value]] = {}
    for name, value in dump.reply.body.items():
        field, _, number = name.rstrip("]").partition("[")
        numbered.setdefault(number, {})[field] = value
    packed: list[bytes] = []
    for values in numbered.values():
        v, entry_name = _integers(values), values["name"]
        assert isinstance(entry_name, bytes)
        rest = (v["ino"], v["off"], v["type"], entry_name)
        if dump.opcode == "READDIRPLUS":
            packed.append(replies.pack_direntplus(_entry_out(v, "attr_ino"), *rest))
        else:
            packed.append(replies.pack_dirent(*rest))
    assert len(packed) > 1
    return b"".join(packed)


def _xattr(dump: Dump) -> bytes:
    if dump.request.body["size"] == 0:
        return replies.xattr_size_out(_number(dump.reply, "size"))
    return _plain(dump)


def _plain(dump: Dump) -> bytes:
    data = dump.reply.body.get("data", b"")
    assert isinstance(data, bytes)
    return data


BUILDERS: dict[str, Callable[[Dump], bytes]] = {
    **dict.fromkeys(("LOOKUP", "SYMLINK", "MKNOD", "MKDIR", "LINK"), _entry),
    **dict.fromkeys(("CREATE", "TMPFILE"), _create),
    **dict.fromkeys(("GETATTR", "SETATTR"), _attributes),
    **dict.fromkeys(("OPEN", "OPENDIR"), _open),
    **dict.fromkeys(("WRITE", "COPY_FILE_RANGE"), _write),
    **dict.fromkeys(("READDIR", "READDIRPLUS"), _directory),
    **dict.fromkeys(("GETXATTR", "LISTXATTR"), _xattr),
    "STATFS": _statfs,
    "INIT": _init,
    "STATX": _statx,
    "GETLK": _lk,
    "LSEEK": lambda dump: replies.lseek_out(_number(dump.reply, "offset")),
    "POLL": lambda dump: replies.poll_out(_number(dump.reply, "revents")),
    "COPY_FILE_RANGE_64": lambda dump: replies.copy_file_range_64_out(_number(dump.reply, "bytes_copied")),
}
