"""Hardening: what this process does not let out."""

import ctypes
import resource
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def drop_core_dumps() -> None:
    """See to it that no crash writes keys to a disk, and that no other process of the user reads them.

    Source: setrlimit(2), prctl(2).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
