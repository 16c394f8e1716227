"""Copy rules: what `put` and `get` keep of a file besides its bytes."""

import os
import re
import secrets
import stat
from typing import Final

from wafs.units import MIB

PIECE: Final = MIB
"""Bytes that are copied between two looks at the interrupts."""

KEPT_XATTRS: Final = b"user."
"""Name space of the attributes that a person can set."""


_TEMPORARY: Final = re.compile(rb"\.wafs-(?:put|backup|keep|decrypt)-[0-9a-f]{16}")


def temporary_name(verb: str) -> bytes:
    """Return a name that nobody else uses, for a file that is not complete yet."""
    return f".wafs-{verb}-{secrets.token_hex(8)}".encode()


def is_temporary(name: bytes) -> bool:
    """Tell whether a name in a vault is that of a file which a run that was killed did not complete."""
    return _TEMPORARY.fullmatch(name) is not None


def kept_mode(mode: int, owner: int) -> int:
    """Return the permission bits of a copy; set-id bits only if the copy has the same owner as the original."""
    bits = stat.S_IMODE(mode)
    return bits if owner == os.geteuid() else bits & ~(stat.S_ISUID | stat.S_ISGID)


def last_name(path: bytes) -> bytes | None:
    """Return the name under which a source goes into a folder; None if its contents do, as for `.` and `/`."""
    name = os.path.basename(path.rstrip(b"/"))
    return None if name in (b"", b".", b"..") else name
