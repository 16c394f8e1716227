"""Mountpoint: putting a filesystem in its place, and taking it away.

Root mounts with mount(2); anybody else through fusermount3. Both give the descriptor of /dev/fuse
on which the session then talks to the kernel. Only `is_dead` waits for the session's own answers;
everything else may run in the thread that serves.
"""

import ctypes
import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from wafs.errors import MountError
from wafs.fuse import fusermount
from wafs.fuse.mountinfo import FSTYPE, absolute, find_mount

Path = str | bytes | os.PathLike[str]

_DEVICE: Final = "/dev/fuse"

# mount(2) and umount2(2), from linux/mount.h
_MS_RDONLY: Final = 1
_MS_NOSUID: Final = 2
_MS_NODEV: Final = 4
_MNT_DETACH: Final = 2
_UMOUNT_NOFOLLOW: Final = 8


@dataclass(frozen=True, kw_only=True)
class MountOptions:
    """How to mount.

    Attributes:
        source: what stands as the device in the list of mounts: the path of the vault.
        read_only: the kernel refuses every change.
        allow_other: other users may use the mount; else not even root may, unless it mounts.
        default_permissions: the kernel checks modes and owners by itself.
        allow_suid: set-user-id bits count; root only.
        allow_dev: device files work; root only.
        max_read: longest READ in bytes, 0 for no limit.
    """

    source: bytes
    read_only: bool = False
    allow_other: bool = False
    default_permissions: bool = False
    allow_suid: bool = False
    allow_dev: bool = False
    max_read: int = 0


def mount(mountpoint: Path, options: MountOptions) -> int:
    """Mount on `mountpoint` and return the descriptor of /dev/fuse, which the caller must close.

    Closing it is the end of the mount: users then see ENOTCONN until it is unmounted.

    Raises: MountError if /dev/fuse or fusermount3 is missing, if it is not permitted, or if the
        mountpoint is not a folder.
    """
    place = absolute(mountpoint)
    mode = _directory_mode(place)
    if os.geteuid() == 0:
        return _mount_as_root(place, mode, options)
    return fusermount.mount(place, user_options(options))


def unmount(mountpoint: Path, *, lazy: bool = False) -> None:
    """Unmount; `lazy` takes the mount out of sight at once and ends it when its last user is gone.

    Raises: MountError if it is busy, not mounted or not permitted.
    """
    place = absolute(mountpoint)
    if os.geteuid() != 0:
        fusermount.unmount(place, lazy=lazy)
        return
    flags = _UMOUNT_NOFOLLOW | (_MNT_DETACH if lazy else 0)
    code = _call("umount2", place, flags)
    if code == 0:
        return
    shown = os.fsdecode(place)
    if code == errno.EBUSY:
        msg = f"{shown} is busy: a file in it is open, or a program works in it"
        raise MountError(msg, hint="close what is open in it, or leave it, and try again")
    if code in {errno.EINVAL, errno.ENOENT}:
        msg = f"{shown} is not mounted"
        raise MountError(msg, hint="wafs status shows what is mounted")
    msg = f"cannot unmount {shown}: {os.strerror(code).lower()}"
    raise MountError(msg)


def sync(mountpoint: Path) -> None:
    """Have the kernel ask the server to write all that programs changed; a failure is not told.

    When this returns the requests are on their way and need not have been answered: the kernel does not wait for
    writes to a FUSE server here, lest one that hangs stop every sync(2).
    Thread: not the one that serves this mount.
    Source: syncfs(2); wait_sb_inodes in linux/fs/fs-writeback.c.
    """
    with suppress(OSError):
        fd = os.open(mountpoint, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            _call("syncfs", fd)
        finally:
            os.close(fd)


def is_dead(mountpoint: Path) -> bool:
    """Return whether a mount is left here whose server is gone.

    Thread: not the one that serves this mount, because a live server is asked.
    """
    try:
        # Attributes may come from the kernel's cache, so stat(2) can succeed without a server.
        os.statvfs(mountpoint)
    except OSError as exc:
        return exc.errno == errno.ENOTCONN
    return False


def raise_read_ahead(mountpoint: Path, kib: int) -> bool:
    """Raise the kernel's read-ahead on this mount to `kib` KiB, never lower it.

    The kernel starts a mount at 128 KiB, or less if INIT asks for less; set it after INIT.

    Returns: whether it is at least that much afterwards; a normal user may not change it.
    """
    mounted = find_mount(mountpoint)
    if mounted is None:
        return False
    path = f"/sys/class/bdi/{mounted.major}:{mounted.minor}/read_ahead_kb"
    try:
        with open(path, "rb") as file:
            if int(file.read()) >= kib:
                return True
        with open(path, "wb") as file:
            file.write(b"%d" % kib)
    except OSError:
        return False
    return True


def root_options(options: MountOptions, *, fd: int, mode: int, uid: int, gid: int) -> bytes:
    """Return the data argument of mount(2) for the type fuse."""
    parts = [f"fd={fd}", f"rootmode={stat.S_IFMT(mode):o}", f"user_id={uid}", f"group_id={gid}"]
    return ",".join(parts + _shared_options(options)).encode()


def user_options(options: MountOptions) -> list[bytes]:
    """Return the options for fusermount3, which adds nosuid and nodev by itself."""
    parts = [b"fsname=" + fusermount.escape(options.source), b"subtype=wafs"]
    if options.read_only:
        parts.append(b"ro")
    return parts + [part.encode() for part in _shared_options(options)]


def _shared_options(options: MountOptions) -> list[str]:
    parts = []
    if options.allow_other:
        parts.append("allow_other")
    if options.default_permissions:
        parts.append("default_permissions")
    if options.max_read:
        parts.append(f"max_read={options.max_read}")
    return parts


def _directory_mode(place: bytes) -> int:
    shown = os.fsdecode(place)
    if is_dead(place):
        msg = f"{shown} has a mount whose server is gone"
        raise MountError(msg, hint=f"clear it with: wafs umount {shown}")
    try:
        mode = os.stat(place).st_mode
    except OSError as exc:
        msg = f"cannot use {shown} as a mountpoint: {os.strerror(exc.errno or 0).lower()}"
        raise MountError(msg, hint="make the folder first") from exc
    if not stat.S_ISDIR(mode):
        msg = f"{shown} is not a folder, a mountpoint has to be one"
        raise MountError(msg)
    return mode


def _open_device() -> int:
    try:
        return os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno in {errno.ENOENT, errno.ENODEV, errno.ENXIO}:
            msg = f"{_DEVICE} is missing, this system cannot mount with FUSE"
            hint = f"{fusermount.INSTALL_HINT}; then load the driver with: modprobe fuse"
            raise MountError(msg, hint=hint) from exc
        msg = f"cannot open {_DEVICE}: {os.strerror(exc.errno or 0).lower()}"
        raise MountError(msg, hint="in a container, start it with --device /dev/fuse") from exc


def _mount_as_root(place: bytes, mode: int, options: MountOptions) -> int:
    fd = _open_device()
    flags = _MS_RDONLY if options.read_only else 0
    flags |= 0 if options.allow_suid else _MS_NOSUID
    flags |= 0 if options.allow_dev else _MS_NODEV
    data = root_options(options, fd=fd, mode=mode, uid=os.geteuid(), gid=os.getegid())
    fstype = FSTYPE.encode()
    code = _call("mount", options.source, place, fstype, ctypes.c_ulong(flags), data)
    if code == 0:
        return fd
    os.close(fd)
    msg = f"cannot mount on {os.fsdecode(place)}: {os.strerror(code).lower()}"
    hint = None
    if code == errno.EPERM:
        hint = "in a container, start it with --cap-add SYS_ADMIN --device /dev/fuse"
    elif code == errno.ENODEV:
        hint = "load the driver with: modprobe fuse"
    raise MountError(msg, hint=hint)


def _call(name: str, *arguments: bytes | int | ctypes.c_ulong) -> int:
    """Call a function of the C library that returns 0 or sets errno; return 0 or the errno."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name)
    return 0 if function(*arguments) == 0 else ctypes.get_errno()
