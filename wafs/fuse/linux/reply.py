"""Reply: what a handler returns, and how entries and attributes are put into one."""

from collections.abc import Callable
from typing import Final, NamedTuple

from wafs.fs.attrs import Attrs, Caller, Entry
from wafs.fuse.wire import replies
from wafs.fuse.wire.requests import InHeader

TTL_NS: Final = 1_000_000_000
"""How long the kernel may believe an entry, attributes or the absence of a name, in ns.

The vault's folder can change behind a mount (a cloud client); within this time that becomes visible.
"""


class Held(NamedTuple):
    """A reply by which the kernel comes to hold something; `undo` is for the case that it never gets it."""

    body: bytes
    undo: Callable[[], None]


class Later(NamedTuple):
    """What is left to do where it has to wait for a disk; nobody else is to wait with it, so a worker does it.

    `work` must not use the body of the request, whose buffer is filled again before.
    """

    work: Callable[[], bytes]


Reply = bytes | memoryview | Held | Later | int | None
"""The body of a reply; an errno where a refusal is so common that an exception would be felt; None where the protocol
has no reply."""

Notify = Callable[[bytes], object]
"""Sends the kernel a message that it did not ask for."""

Handler = Callable[[InHeader, memoryview], Reply]


def entry_body(entry: Entry, *, attr_ttl_ns: int = TTL_NS) -> bytes:
    """Return the body for an entry. The generation is always 0: a number is never used twice."""
    return replies.entry_out(entry.ino, 0, entry.attrs, entry_ttl_ns=TTL_NS, attr_ttl_ns=attr_ttl_ns)


def attr_body(attrs: Attrs) -> bytes:
    """Return the body for attributes."""
    return replies.attr_out(attrs, ttl_ns=TTL_NS)


def caller_of(header: InHeader) -> Caller:
    """Return on whose behalf the kernel asks."""
    return Caller(header.uid, header.gid)
