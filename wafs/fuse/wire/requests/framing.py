"""Framing: a message of the kernel cut into header and body, and a body cut into fields.

Thread: everything here is a pure function; a body that is a view of the receive buffer is valid
until that buffer is filled again.
"""

from collections.abc import Callable
from struct import Struct, error
from typing import Any, NamedTuple, TypeAlias, TypeVar

from wafs.errors import MalformedRequestError
from wafs.fuse.wire import abi

Body: TypeAlias = bytes | bytearray | memoryview
"""A request without its header and extensions."""

_T = TypeVar("_T", bound=tuple[Any, ...])

new: Callable[[type[_T], tuple[Any, ...]], _T] = tuple.__new__
"""Makes a NamedTuple of its fields without the call into Python that its own constructor is."""

_NUL = b"\0"
_SLASH = 0x2F


def unpacker(layout: Struct, what: str) -> Callable[[Body], tuple[Any, ...]]:
    """Make a function that returns the fields of the struct at the start of a body.

    It raises MalformedRequestError if the body is shorter than the struct.
    """
    unpack = layout.unpack_from
    size = layout.size

    def fields(body: Body) -> tuple[Any, ...]:
        try:
            return unpack(body)
        except error:
            msg = f"{what} of {len(body)} bytes, want at least {size}"
            raise MalformedRequestError(msg) from None

    return fields


def fixed(layout: Struct, make: type[_T], what: str) -> Callable[[Body], _T]:
    """Make a parser for a body that is one struct and becomes a NamedTuple; bytes beyond the struct are ignored.

    They are ignored because newer kernels lengthen structs at their end.
    """
    unpack = layout.unpack_from
    size = layout.size

    def parse(body: Body) -> _T:
        try:
            return new(make, unpack(body))
        except error:
            msg = f"{what} of {len(body)} bytes, want at least {size}"
            raise MalformedRequestError(msg) from None

    return parse


_HEADER_SIZE = abi.IN_HEADER.size
_unpack_header = abi.IN_HEADER.unpack_from


class InHeader(NamedTuple):
    """The front of every request (fuse_in_header).

    `opcode` is a plain integer, since a kernel may know more of them than `Opcode` does.
    `length` counts the whole message in bytes, `extension_units` the extensions at its end in
    units of 8 bytes. `uid`, `gid` and `pid` are those of the caller; 0 in requests the kernel
    makes of itself, such as RELEASE and writeback.
    """

    length: int
    opcode: int
    unique: int
    nodeid: int
    uid: int
    gid: int
    pid: int
    extension_units: int


def parse_request(message: memoryview) -> tuple[InHeader, memoryview]:
    """Cut a message into its header and its body.

    Extensions (security contexts, supplementary groups) are left out of the body: they stand at
    its end, where a parser would take them for a part of the last name.

    Sizes:  `message` has exactly the bytes that one read of the device gave, 40 or more.
    Raises: MalformedRequestError if the lengths in the header disagree with the message.
    Source: struct fuse_in_header; total_extlen since 7.38.
    """
    try:
        header = new(InHeader, _unpack_header(message))
    except error:
        msg = f"header of {len(message)} bytes, want at least {_HEADER_SIZE}"
        raise MalformedRequestError(msg) from None
    end = header[0]
    if end != len(message):
        msg = f"request of {len(message)} bytes, its header says {end}"
        raise MalformedRequestError(msg)
    if header[7]:
        end -= 8 * header[7]
        if end < _HEADER_SIZE:
            msg = f"request of {len(message)} bytes, its extensions overlap the header"
            raise MalformedRequestError(msg)
    return header, message[_HEADER_SIZE:end]


def parse_name(body: Body) -> bytes:
    """Return the name that makes up the whole body of LOOKUP, UNLINK and RMDIR.

    Raises: MalformedRequestError unless it is one NUL-terminated name, not empty and without '/'.
    """
    raw = bytes(body)
    if raw.find(_NUL) != len(raw) - 1 or len(raw) < 2 or _SLASH in raw:
        raise _bad_name(raw)
    return raw[:-1]


def parse_text(body: Body) -> bytes:
    """Return the NUL-terminated string that makes up the whole body; '/' is allowed in it.

    For names of extended attributes (the whole body of REMOVEXATTR).

    Raises: MalformedRequestError unless it is one NUL-terminated string that is not empty.
    """
    raw = bytes(body)
    if raw.find(_NUL) != len(raw) - 1 or len(raw) < 2:
        raise _bad_name(raw)
    return raw[:-1]


def split_text(body: Body) -> tuple[bytes, bytes]:
    """Cut the body behind its first NUL: a string that is not empty, and the rest.

    Raises: MalformedRequestError if there is no NUL or nothing in front of it.
    """
    first, nul, rest = bytes(body).partition(_NUL)
    if not nul or not first:
        raise _bad_name(first)
    return first, rest


def _bad_name(raw: bytes) -> MalformedRequestError:
    # The name itself stays out of the message: messages are logged, names are not.
    if not raw.endswith(_NUL):
        return MalformedRequestError(f"name of {len(raw)} bytes has no NUL at its end")
    if len(raw) < 2:
        return MalformedRequestError("name is empty, want at least one byte")
    return MalformedRequestError(f"name of {len(raw) - 1} bytes has a NUL or '/' in it")
