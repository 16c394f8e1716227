"""Mount status: what a running mount says about itself."""

import errno
import json
import os
import queue
import threading
from typing import Final, NamedTuple

STATUS_ATTRIBUTE: Final = "user.wafs.status"
"""Extended attribute of a mountpoint that the process behind it answers with JSON."""

_PATIENCE_S: Final = 3.0


class MountStatus(NamedTuple):
    """Whether a mount answers, and what it says: pid, vault, version, read_only, started (s), idle_s, requests."""

    state: str
    facts: dict[str, object]


def status_of(mountpoint: str | bytes) -> MountStatus:
    """Ask a mount how it is; `state` is mounted, dead, no access or not answering.

    A server that hangs would block whoever asks it, so a thread asks, and is left behind if no answer comes in 3 s.
    """
    answers: queue.SimpleQueue[MountStatus] = queue.SimpleQueue()
    threading.Thread(target=lambda: answers.put(_ask(mountpoint)), name="wafs-status", daemon=True).start()
    try:
        return answers.get(timeout=_PATIENCE_S)
    except queue.Empty:
        return MountStatus("not answering", {})


def _ask(mountpoint: str | bytes) -> MountStatus:
    try:
        facts = json.loads(os.getxattr(mountpoint, STATUS_ATTRIBUTE))
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            return MountStatus("dead", {})
        if error.errno in (errno.EACCES, errno.EPERM):
            return MountStatus("no access", {})
        return MountStatus("mounted", {})
    except ValueError:
        return MountStatus("mounted", {})
    return MountStatus("mounted", facts if isinstance(facts, dict) else {})
