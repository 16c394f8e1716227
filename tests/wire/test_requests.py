"""Requests: whatever the bytes, a value or MalformedRequestError."""

import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.errors import MalformedRequestError
from wafs.fuse.wire import requests
from wafs.fuse.wire.flags import InitFlag
from wire import layouts
from wire.layouts import Value, Values
from wire.parsers import PARSERS, parsed_values

HEADER: Values = {"len": 40, "opcode": 1, "unique": 2, "nodeid": 3, "uid": 4, "gid": 5, "pid": 6}
SLASH_IS_FINE = {"REMOVEXATTR", "GETXATTR", "SETXATTR", "TMPFILE"}
FIXED = sorted(name for name in PARSERS if layouts.REQUESTS[name] and not set(layouts.REQUESTS[name]) & set("z*"))
NAMED = sorted(name for name in PARSERS if layouts.REQUESTS[name].split()[-1].endswith(":z"))

names = st.binary(min_size=1, max_size=255).filter(lambda name: not set(name) & {0, 0x2F})


def _example(opcode: str) -> bytes:
    values: Values = {"name": b"name", "newname": b"new", "target": b"some/where"}
    return layouts.encode(layouts.REQUESTS[opcode], values)


def bodies(opcode: str) -> st.SearchStrategy[Values]:
    """Return a strategy for what a kernel may send in the fields of this request."""
    return st.builds(_sized, st.just(opcode), st.fixed_dictionaries(_fields(opcode)))


def _fields(opcode: str) -> dict[str, st.SearchStrategy[Value]]:
    strategies: dict[str, st.SearchStrategy[Value]] = {}
    for item in layouts.REQUESTS[opcode].split():
        name, kind = item.split(":")
        if kind == "z":
            strategies[name] = names
        elif kind == "*":
            strategies[name] = st.binary(max_size=64)
        else:
            bits = struct.calcsize("=" + kind) * 8
            low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if kind.islower() else (0, 2**bits - 1)
            strategies[name] = st.integers(low, high)
    return strategies


def _sized(opcode: str, values: Values) -> Values:
    if opcode in {"WRITE", "NOTIFY_REPLY"}:
        values["size"] = len(_bytes(values, "data"))
    elif opcode == "SETXATTR":
        values["size"] = len(_bytes(values, "value"))
    elif opcode == "IOCTL":
        values["in_size"] = len(_bytes(values, "data"))
    elif opcode == "BATCH_FORGET":
        values["data"] = _bytes(values, "data")[:48].ljust(48, b"f")
        values["count"] = 3
    return values


def _bytes(values: Values, name: str) -> bytes:
    value = values[name]
    assert isinstance(value, bytes)
    return value


@pytest.mark.parametrize("opcode", sorted(PARSERS))
@given(st.data())
def test_what_a_kernel_encodes_parses_to_the_same_values(opcode: str, data: st.DataObject) -> None:
    sent = data.draw(bodies(opcode))
    body = layouts.encode(layouts.REQUESTS[opcode], sent)
    expected: dict[str, object] = dict(sent)
    if opcode == "BATCH_FORGET":
        expected["forgets"] = list(struct.iter_unpack("=QQ", _bytes(sent, "data")))
    if opcode == "RENAME":
        expected["flags"] = 0
    if opcode == "INIT":
        flags, flags2 = sent["flags"], sent["flags2"]
        assert isinstance(flags, int)
        assert isinstance(flags2, int)
        expected["flags"] = flags | (flags2 << 32 if flags & InitFlag.INIT_EXT else 0)
    for given_body in (body, memoryview(bytearray(body))):
        got = parsed_values(opcode, given_body)
        assert got == {name: expected[name] for name in got}


@pytest.mark.parametrize("opcode", sorted(PARSERS))
@given(body=st.binary(max_size=200))
def test_random_bytes_raise_nothing_but_malformed_request(opcode: str, body: bytes) -> None:
    with suppress(MalformedRequestError):
        PARSERS[opcode](body)


@given(st.binary(max_size=200))
def test_random_messages_raise_nothing_but_malformed_request(message: bytes) -> None:
    try:
        header, body = requests.parse_request(memoryview(message))
    except MalformedRequestError:
        return
    assert header.length == len(message) == 40 + len(body) + 8 * header.extension_units


@pytest.mark.parametrize("opcode", FIXED)
def test_struct_one_byte_short_is_malformed(opcode: str) -> None:
    body = _example(opcode)
    if opcode == "INIT":
        body = layouts.encode(layouts.REQUESTS[opcode], {"flags": InitFlag.INIT_EXT.value})
    PARSERS[opcode](body)
    for size in (len(body) - 1, len(body) // 2, 0):
        with pytest.raises(MalformedRequestError, match="want at least"):
            PARSERS[opcode](body[:size])


@pytest.mark.parametrize("opcode", FIXED)
def test_bytes_that_a_newer_kernel_adds_are_ignored(opcode: str) -> None:
    body = _example(opcode)
    assert PARSERS[opcode](body + b"new field") == PARSERS[opcode](body)


@pytest.mark.parametrize("opcode", NAMED)
def test_every_cut_of_a_named_request_is_malformed(opcode: str) -> None:
    body = _example(opcode)
    PARSERS[opcode](body)
    for size in range(len(body)):
        with pytest.raises(MalformedRequestError):
            PARSERS[opcode](body[:size])


@pytest.mark.parametrize("opcode", NAMED)
def test_bad_names_are_malformed(opcode: str) -> None:
    last = layouts.REQUESTS[opcode].split()[-1].removesuffix(":z")
    values: Values = {"name": b"name", "newname": b"new", "target": b"t"}
    bad = [b"", b"nul\0inside"]
    if opcode not in SLASH_IS_FINE and last != "target":
        bad += [b"a/b", b"/"]
    for name in bad:
        body = layouts.encode(layouts.REQUESTS[opcode], values | {last: name})
        with pytest.raises(MalformedRequestError):
            PARSERS[opcode](body)


@pytest.mark.parametrize(("opcode", "field"), [("RENAME", "name"), ("RENAME2", "name"), ("SYMLINK", "name")])
def test_slash_in_the_first_of_two_names_is_malformed(opcode: str, field: str) -> None:
    values: Values = {"name": b"name", "newname": b"new", "target": b"t"}
    body = layouts.encode(layouts.REQUESTS[opcode], values | {field: b"a/b"})
    with pytest.raises(MalformedRequestError, match="'/'"):
        PARSERS[opcode](body)


def test_slash_is_fine_in_symlink_targets_and_names_of_attributes() -> None:
    assert requests.parse_symlink(b"name\0../a/b\0").target == b"../a/b"
    assert requests.parse_text(b"user.a/b\0") == b"user.a/b"


def test_message_of_an_error_does_not_hold_the_name() -> None:
    for body in (b"secret/name\0", b"secret-name"):
        with pytest.raises(MalformedRequestError) as caught:
            requests.parse_name(body)
        assert "secret" not in str(caught.value)


def test_extensions_are_cut_off() -> None:
    body, extension = b"name\0", b"\x10\0\0\0\x20\0\0\0\x01\0\0\0\x39\x30\0\0"
    message = layouts.encode(layouts.IN_HEADER, HEADER | {"len": 40 + 5 + 16, "total_extlen": 2}) + (body + extension)
    header, rest = requests.parse_request(memoryview(message))
    assert header.extension_units == 2
    assert requests.parse_name(rest) == b"name"


def test_extensions_longer_than_the_body_are_malformed() -> None:
    message = layouts.encode(layouts.IN_HEADER, HEADER | {"len": 45, "total_extlen": 1}) + b"name\0"
    with pytest.raises(MalformedRequestError, match="extensions"):
        requests.parse_request(memoryview(message))


@pytest.mark.parametrize("length", [0, 39, 40, 42, 2**32 - 1])
def test_length_that_disagrees_with_the_message_is_malformed(length: int) -> None:
    message = layouts.encode(layouts.IN_HEADER, HEADER | {"len": length}) + b"?"
    with pytest.raises(MalformedRequestError, match="header says"):
        requests.parse_request(memoryview(message))


def test_data_of_write_is_a_view_and_not_a_copy() -> None:
    values: Values = {"fh": 1, "offset": 2, "size": 4, "data": b"data"}
    buffer = bytearray(layouts.encode(layouts.REQUESTS["WRITE"], values))
    written = requests.parse_write(memoryview(buffer))
    buffer[-4:] = b"DATA"
    assert isinstance(written.data, memoryview)
    assert bytes(written.data) == b"DATA"


@pytest.mark.parametrize(("opcode", "size"), [("WRITE", "size"), ("NOTIFY_REPLY", "size"), ("IOCTL", "in_size")])
def test_less_data_than_announced_is_malformed(opcode: str, size: str) -> None:
    body = layouts.encode(layouts.REQUESTS[opcode], {size: 5, "data": b"data!more"})
    assert bytes(PARSERS[opcode](body).data) == b"data!"
    for cut in (5, 8):
        with pytest.raises(MalformedRequestError, match="of data, want 5"):
            PARSERS[opcode](body[:-cut])


def test_batch_forget_counts_before_it_looks() -> None:
    body = struct.pack("=II", 2**32 - 1, 0) + bytes(16)
    with pytest.raises(MalformedRequestError, match="4294967295 inodes"):
        requests.parse_batch_forget(body)


def test_setxattr_in_both_sizes() -> None:
    old = struct.pack("=II", 5, 1) + b"user.a\0value"
    new = struct.pack("=IIII", 5, 2, 1, 0) + b"user.a\0value"
    assert requests.parse_setxattr(old, extended=False) == (1, 0, b"user.a", b"value")
    assert requests.parse_setxattr(new, extended=True) == (2, 1, b"user.a", b"value")
    for body, extended in ((old + b"!", False), (new[:-1], True), (new[:15], True), (old[:7], False)):
        with pytest.raises(MalformedRequestError):
            requests.parse_setxattr(body, extended=extended)


def test_init_in_all_sizes() -> None:
    ext = InitFlag.INIT_EXT.value
    assert requests.parse_init(struct.pack("=II", 8, 0)) == (8, 0, 0, 0)
    assert requests.parse_init(struct.pack("=IIII", 7, 31, 4096, 9)) == (7, 31, 4096, 9)
    full = struct.pack("=IIIII44x", 7, 45, 4096, ext | 1, 4)
    assert requests.parse_init(full) == (7, 45, 4096, 4 << 32 | ext | 1)
    for size in (*range(8), *range(9, 16), *range(16, 64)):
        with pytest.raises(MalformedRequestError):
            requests.parse_init(full[:size])


def test_times_before_1970_are_negative() -> None:
    values: Values = {"atime": -2, "atimensec": 500_000_000, "mtime": -1, "ctime": 3, "ctimensec": 7}
    parsed = requests.parse_setattr(layouts.encode(layouts.REQUESTS["SETATTR"], values))
    assert (parsed.atime_ns, parsed.mtime_ns) == (-1_500_000_000, -1_000_000_000)
    assert parsed.ctime_ns == 3_000_000_007
