"""Fusermount: mounting and unmounting for normal users, through the set-uid program of fuse3."""

import array
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from typing import Final

from wafs.errors import MountError

_PROGRAMS: Final = ("fusermount3", "fusermount")
INSTALL_HINT: Final = "install it with: apt install fuse3"

# What fusermount3 says, and what helps; the first that fits.
_HINTS: Final = (
    ("user_allow_other", "add the line user_allow_other to /etc/fuse.conf, or do without others"),
    ("open /dev/fuse: Permission", "let normal users open it: chmod 666 /dev/fuse, as root"),
    ("determine username", "fusermount3 only serves users with a name: add the user to /etc/passwd"),
    ("open /etc/mtab", "make it, as root: ln -s /proc/self/mounts /etc/mtab"),
    ("modprobe", "load the driver with: modprobe fuse, as root"),
    ("write access", "choose a mountpoint that you may write to"),
    ("busy", "close what is open in it, or leave it, and try again"),
    ("not found", "wafs status shows what is mounted"),
    ("not mounted", "wafs status shows what is mounted"),
)


def mount(mountpoint: bytes, options: Sequence[bytes]) -> int:
    """Let fusermount3 mount, and return the descriptor of /dev/fuse that it hands over.

    Args:
        mountpoint: absolute path.
        options: each one ready for `-o`; see `escape`.

    Raises: MountError with what fusermount3 said.
    """
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with here:
        with there:
            # The program finds the number of its socket in this variable.
            environment = os.environ | {"_FUSE_COMMFD": str(there.fileno())}
            arguments = [b"-o", b",".join(options), b"--", mountpoint]
            _run(arguments, environment=environment, keep=there.fileno())
        return _receive_descriptor(here)


def unmount(mountpoint: bytes, *, lazy: bool) -> None:
    """Let fusermount3 unmount.

    Raises: MountError with what fusermount3 said.
    """
    arguments = [b"-u", b"-z"] if lazy else [b"-u"]
    _run([*arguments, b"--", mountpoint])


def escape(value: bytes) -> bytes:
    """Return `value` as it must stand in an option, where a comma would end it."""
    return value.replace(b"\\", b"\\\\").replace(b",", b"\\,")


def find_program() -> str:
    """Return the path of fusermount3, or of its predecessor.

    Raises: MountError if there is neither.
    """
    for program in _PROGRAMS:
        path = shutil.which(program)
        if path is not None:
            return path
    msg = "fusermount3 is missing, a normal user cannot mount without it"
    raise MountError(msg, hint=INSTALL_HINT)


def _run(
    arguments: Sequence[bytes],
    *,
    environment: dict[str, str] | None = None,
    keep: int | None = None,
) -> None:
    done = subprocess.run(
        [find_program(), *arguments],
        env=environment,
        pass_fds=() if keep is None else (keep,),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
    )
    if done.returncode != 0:
        raise _refused(os.fsdecode(done.stderr).strip(), done.returncode)


def _refused(said: str, code: int) -> MountError:
    last = said.splitlines()[-1] if said else f"fusermount3 failed with code {code}"
    hint = next((hint for words, hint in _HINTS if words in said), None)
    return MountError(last, hint=hint)


def _receive_descriptor(here: socket.socket) -> int:
    size = array.array("i").itemsize
    _, ancillary, _, _ = here.recvmsg(1, socket.CMSG_SPACE(size), socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            return array.array("i", data[:size])[0]
    msg = "fusermount3 handed over no descriptor"
    raise MountError(msg, hint=INSTALL_HINT)
