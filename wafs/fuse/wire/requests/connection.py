"""Connection: requests about the mount itself and about what the kernel remembers of it."""

from typing import NamedTuple

from wafs.errors import MalformedRequestError
from wafs.fuse.wire import abi
from wafs.fuse.wire.flags import InitFlag
from wafs.fuse.wire.requests.framing import Body, fixed, unpacker


class InitIn(NamedTuple):
    """INIT: what the kernel speaks and can do; `flags` holds all 64 bits (see `InitFlag`)."""

    major: int
    minor: int
    max_readahead: int
    flags: int


class ForgetIn(NamedTuple):
    """FORGET: the kernel drops `nlookup` of its references to the inode."""

    nlookup: int


class InterruptIn(NamedTuple):
    """INTERRUPT: the caller of the request with this `unique` was interrupted."""

    unique: int


class NotifyReplyIn(NamedTuple):
    """NOTIFY_REPLY: cached bytes of a file, asked for by NotifyCode.RETRIEVE."""

    offset: int
    size: int
    data: memoryview


class SyncfsIn(NamedTuple):
    """SYNCFS: sync the whole filesystem; the struct has reserved bytes only."""


parse_forget = fixed(abi.FORGET_IN, ForgetIn, "FORGET")
parse_interrupt = fixed(abi.INTERRUPT_IN, InterruptIn, "INTERRUPT")
parse_syncfs = fixed(abi.SYNCFS_IN, SyncfsIn, "SYNCFS")
_unpack_init_version = unpacker(abi.INIT_IN_VERSION, "INIT")
_unpack_init = unpacker(abi.INIT_IN, "INIT")
_unpack_init_ext = unpacker(abi.INIT_IN_EXT, "INIT with flags2")
_unpack_batch_forget = unpacker(abi.BATCH_FORGET_IN, "BATCH_FORGET")
_unpack_notify_retrieve = unpacker(abi.NOTIFY_RETRIEVE_IN, "NOTIFY_REPLY")


def parse_init(body: Body) -> InitIn:
    """Parse INIT in any of its three sizes.

    Sizes:  8 bytes (before 7.6, or another major version), 16, or 64 with INIT_EXT.
    Raises: MalformedRequestError for a body between these sizes.
    Source: struct fuse_init_in; flags2 since 7.36.
    """
    if len(body) == abi.INIT_IN_VERSION.size:
        major, minor = _unpack_init_version(body)
        return InitIn(major, minor, 0, 0)
    init = InitIn(*_unpack_init(body))
    if not init.flags & InitFlag.INIT_EXT:
        return init
    major, minor, max_readahead, flags, flags2 = _unpack_init_ext(body)
    return InitIn(major, minor, max_readahead, flags | flags2 << 32)


def parse_batch_forget(body: Body) -> list[tuple[int, int]]:
    """Return pairs (nodeid, nlookup): what FORGET says, for many inodes at once.

    Raises: MalformedRequestError if the body has not the room for as many as it announces.
    Source: struct fuse_batch_forget_in and fuse_forget_one, 7.16.
    """
    start = abi.BATCH_FORGET_IN.size
    (count,) = _unpack_batch_forget(body)
    end = start + count * abi.FORGET_ONE.size
    if len(body) < end:
        msg = f"BATCH_FORGET of {count} inodes in {len(body)} bytes, want {end}"
        raise MalformedRequestError(msg)
    return list(abi.FORGET_ONE.iter_unpack(memoryview(body)[start:end]))


def parse_notify_reply(body: Body) -> NotifyReplyIn:
    """Parse NOTIFY_REPLY; `data` is a view of the body and may be shorter than was asked for.

    Raises: MalformedRequestError if there are fewer than `size` bytes of data.
    Source: struct fuse_notify_retrieve_in, 7.15.
    """
    start = abi.NOTIFY_RETRIEVE_IN.size
    offset, size = _unpack_notify_retrieve(body)
    data = memoryview(body)[start : start + size]
    if len(data) != size:
        msg = f"NOTIFY_REPLY with {len(data)} bytes of data, want {size}"
        raise MalformedRequestError(msg)
    return NotifyReplyIn(offset, size, data)
