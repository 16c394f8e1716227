"""Mountpoint: the words handed to kernel and fusermount3, what they say, and real mounts."""

import ctypes
import errno
import os
import shutil
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wafs.errors import MountError
from wafs.fuse import fusermount, mountinfo, mountpoint
from wafs.fuse.channel import Channel
from wafs.fuse.mountpoint import MountOptions
from wire.memory_server import MemoryServer

LINES = rb"""22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
99 22 0:47 / /mnt/a\040b\011c\134d\012e rw,nosuid,nodev - fuse.wafs /vaults/x\040y,z rw,user_id=0
100 22 0:48 / /mnt/none rw master:3 propagate_from:2 - tmpfs none rw
"""
PLAIN = MountOptions(source=b"/vault")
EVERYTHING = MountOptions(
    source=b"/a,b\\c",
    read_only=True,
    allow_other=True,
    default_permissions=True,
    max_read=131072,
)


def test_mountinfo_is_parsed_and_unescaped() -> None:
    first, vault, last = mountinfo.parse_mountinfo(LINES)
    assert vault == mountinfo.MountInfo(
        mountpoint=b"/mnt/a b\tc\\d\ne",
        fstype="fuse.wafs",
        source=b"/vaults/x y,z",
        options=("rw", "nosuid", "nodev", "rw", "user_id=0"),
        major=0,
        minor=47,
    )
    assert (first.fstype, first.major, first.minor) == ("ext4", 8, 1)
    assert (last.mountpoint, last.source) == (b"/mnt/none", b"none")


@pytest.mark.parametrize("line", [b"x", b"22 1 8:1 / / rw", b"22 1 8:1 / / rw - ext4", b"1 2 - 3 4 5"])
def test_line_of_another_form_is_a_value_error(line: bytes) -> None:
    with pytest.raises(ValueError, match="mountinfo"):
        mountinfo.parse_mountinfo(line)


def test_mounts_of_this_system_are_listed() -> None:
    mounts = mountinfo.list_mounts()
    assert b"/proc" in {mount.mountpoint for mount in mounts}
    device = os.stat("/proc").st_dev
    found = mountinfo.find_mount("/proc")
    assert found is not None
    assert (found.major, found.minor) == (os.major(device), os.minor(device))


def test_topmost_of_stacked_mounts_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    lower, upper = (mountinfo.MountInfo(b"/proc", "t", b"s", (), 0, number) for number in (7, 8))
    monkeypatch.setattr(mountinfo, "list_mounts", lambda: [lower, upper])
    assert mountinfo.find_mount("/proc") is upper


def test_absolute_resolves_links_but_wants_a_name(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "chain").symlink_to(tmp_path / "link")
    want = os.fsencode(tmp_path.resolve() / "real")
    assert mountinfo.absolute(tmp_path / "chain") == want
    assert mountinfo.absolute(f"{tmp_path}/link/../real/") == want
    assert mountinfo.absolute(os.fsencode(tmp_path / "link" / "new")) == want + b"/new"
    with pytest.raises(MountError, match="root folder"):
        mountinfo.absolute("/")


def test_endless_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(MountError, match="cannot use"):
        mountpoint.mount(tmp_path / "loop", PLAIN)


def test_options_for_root() -> None:
    data = mountpoint.root_options(PLAIN, fd=5, mode=0o40755, uid=0, gid=1)
    assert data == b"fd=5,rootmode=40000,user_id=0,group_id=1"
    data = mountpoint.root_options(EVERYTHING, fd=5, mode=0o40755, uid=0, gid=1)
    assert data.endswith(b",allow_other,default_permissions,max_read=131072")


def test_options_for_users() -> None:
    assert mountpoint.user_options(PLAIN) == [b"fsname=/vault", b"subtype=wafs"]
    assert mountpoint.user_options(EVERYTHING) == [
        b"fsname=/a\\,b\\\\c", b"subtype=wafs", b"ro", b"allow_other", b"default_permissions",
        b"max_read=131072",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("allow_suid", "allow_dev", "read_only", "flags"),
    [(False, False, False, 6), (True, True, False, 0), (True, False, True, 5)],
)
def test_flags_of_mount(
    monkeypatch: pytest.MonkeyPatch, allow_suid: bool, allow_dev: bool, read_only: bool, flags: int
) -> None:
    seen: list[object] = []

    def call(name: str, *arguments: object) -> int:
        seen.extend((name, *arguments))
        return 0

    monkeypatch.setattr(mountpoint, "_call", call)
    monkeypatch.setattr(mountpoint, "_open_device", lambda: 5)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    options = MountOptions(source=b"/v", allow_suid=allow_suid, allow_dev=allow_dev, read_only=read_only)
    assert mountpoint.mount("/proc", options) == 5
    assert seen[:4] == ["mount", b"/v", b"/proc", b"fuse.wafs"]
    assert isinstance(seen[4], ctypes.c_ulong)
    assert seen[4].value == flags


@pytest.mark.parametrize(
    ("code", "words", "hint"),
    [(errno.EPERM, "not permitted", "SYS_ADMIN"), (errno.ENODEV, "no such device", "modprobe")],
)
def test_refused_mount_closes_the_device_and_says_what_to_do(
    monkeypatch: pytest.MonkeyPatch, code: int, words: str, hint: str
) -> None:
    ours, theirs = socket.socketpair()
    fd = theirs.detach()
    monkeypatch.setattr(mountpoint, "_call", lambda *_: code)
    monkeypatch.setattr(mountpoint, "_open_device", lambda: fd)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with ours, pytest.raises(MountError, match=words) as caught:
        mountpoint.mount("/proc", PLAIN)
    assert hint in str(caught.value.hint)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(fd)


@pytest.mark.parametrize(
    ("code", "words"), [(errno.EBUSY, "busy"), (errno.EINVAL, "not mounted"), (errno.EPERM, "cannot")]
)
def test_refused_unmount_says_why(monkeypatch: pytest.MonkeyPatch, code: int, words: str) -> None:
    monkeypatch.setattr(mountpoint, "_call", lambda *_: code)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(MountError, match=words):
        mountpoint.unmount("/nowhere/vault")


@pytest.mark.parametrize(("code", "hint"), [(errno.ENOENT, "apt install fuse3"), (errno.EACCES, "container")])
def test_missing_device_names_the_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, code: int, hint: str) -> None:
    def refuse(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(MountError, match="/dev/fuse") as caught:
        mountpoint.mount(tmp_path, PLAIN)
    assert hint in str(caught.value.hint)


def test_mountpoint_has_to_be_a_folder(tmp_path: Path) -> None:
    with pytest.raises(MountError, match="no such file"):
        mountpoint.mount(tmp_path / "missing", PLAIN)
    (tmp_path / "file").touch()
    with pytest.raises(MountError, match="not a folder"):
        mountpoint.mount(tmp_path / "file", PLAIN)


def test_missing_fusermount_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MountError, match="fusermount3 is missing") as caught:
        fusermount.unmount(b"/mnt/x", lazy=False)
    assert caught.value.hint == "install it with: apt install fuse3"


def test_older_fusermount_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _program(tmp_path / "fusermount", "exit 0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert fusermount.find_program() == str(tmp_path / "fusermount")


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        ("fusermount3: option allow_other only allowed if 'user_allow_other' is set", "fuse.conf"),
        ("fusermount3: failed to open /dev/fuse: Permission denied", "chmod 666"),
        ("fusermount3: fuse device not found, try 'modprobe fuse' first", "modprobe fuse"),
        ("fusermount3: user has no write access to mountpoint /mnt", "write to"),
        ("fusermount3: failed to unmount /mnt: Device or resource busy", "close"),
        ("fusermount3: entry for /mnt not found in /etc/mtab", "wafs status"),
        ("fusermount3: something else", None),
    ],
)
def test_words_of_fusermount_become_the_message(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, said: str, hint: str | None
) -> None:
    _program(tmp_path / "fusermount3", f'echo noise >&2\necho "{said}" >&2\nexit 1')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(MountError) as caught:
        fusermount.mount(b"/mnt", [b"ro"])
    assert str(caught.value) == said
    assert (hint is None) == (caught.value.hint is None)
    assert hint is None or hint in str(caught.value.hint)


def test_silent_fusermount_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    _program(tmp_path / "fusermount3", "exit 3")
    with pytest.raises(MountError, match="code 3"):
        fusermount.unmount(b"/mnt", lazy=True)
    _program(tmp_path / "fusermount3", "exit 0")
    with pytest.raises(MountError, match="no descriptor"):
        fusermount.mount(b"/mnt", [])


def test_arguments_of_fusermount(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    _program(tmp_path / "fusermount3", f'printf "%s|" "$@" > {tmp_path}/said')
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    mountpoint.unmount("/mnt/x")
    assert (tmp_path / "said").read_text() == "-u|--|/mnt/x|"
    mountpoint.unmount("/mnt/x", lazy=True)
    assert (tmp_path / "said").read_text() == "-u|-z|--|/mnt/x|"
    with pytest.raises(MountError, match="no descriptor"):
        mountpoint.mount(tmp_path, PLAIN)
    where = os.fsdecode(mountinfo.absolute(tmp_path))
    assert (tmp_path / "said").read_text() == f"-o|fsname=/vault,subtype=wafs|--|{where}|"


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


# Real mounts


class Served:
    """A memory filesystem on a real mount, served by a thread."""

    def __init__(self, place: Path, fd: int) -> None:
        self.place = place
        self.channel = Channel(fd)
        self.thread = threading.Thread(target=MemoryServer(self.channel).serve)
        self.thread.start()
        (place / "file").write_bytes(b"content")

    def end(self) -> None:
        if mountinfo.find_mount(self.place):
            mountpoint.unmount(self.place, lazy=True)
        self.channel.stop()
        self.thread.join()
        self.channel.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Give a filesystem mounted in the way that fits the user."""
    place = tmp_path / "a place, with\\ all\tof it"
    place.mkdir()
    found = Served(place, mountpoint.mount(place, MountOptions(source=b"/vaults/x y,z\\")))
    try:
        yield found
    finally:
        found.end()


@pytest.mark.mount
def test_mount_is_found_with_its_source_and_type(served: Served) -> None:
    mount = mountinfo.find_mount(served.place)
    assert mount is not None
    assert mount in mountinfo.list_vaults()
    assert mount.source == b"/vaults/x y,z\\"
    assert mount.fstype == "fuse.wafs"
    assert {"nosuid", "nodev"} <= set(mount.options)
    assert os.stat(served.place).st_dev == os.makedev(mount.major, mount.minor)
    assert (served.place / "file").read_bytes() == b"content"


@pytest.mark.mount
def test_unmount_ends_the_server(served: Served) -> None:
    mountpoint.unmount(served.place)
    served.thread.join()
    assert mountinfo.find_mount(served.place) is None
    with pytest.raises(MountError, match=r"not mounted|not found"):
        mountpoint.unmount(served.place)


@pytest.mark.mount
def test_busy_mount_is_unmounted_lazily_only(served: Served) -> None:
    with open(served.place / "file", "rb") as file:
        with pytest.raises(MountError, match=r"(?i)busy"):
            mountpoint.unmount(served.place)
        mountpoint.unmount(served.place, lazy=True)
        assert mountinfo.find_mount(served.place) is None
        assert file.read() == b"content"
    served.thread.join()


@pytest.mark.mount
def test_mount_without_its_server_is_dead(served: Served) -> None:
    assert not mountpoint.is_dead(served.place)
    served.channel.stop()
    served.thread.join()
    served.channel.close()
    assert mountpoint.is_dead(served.place)
    assert mountinfo.find_mount(served.place) is not None
    with pytest.raises(MountError, match="server is gone"):
        mountpoint.mount(served.place, PLAIN)
    mountpoint.unmount(served.place)
    assert not mountpoint.is_dead(served.place)


def test_read_ahead_that_cannot_be_set_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = mountinfo.MountInfo(b"/proc", "t", b"s", (), 4095, 4095)
    monkeypatch.setattr(mountpoint, "find_mount", lambda _: nowhere)
    assert not mountpoint.raise_read_ahead("/proc", 1024)


@pytest.mark.mount
def test_read_ahead_is_raised_and_never_lowered(served: Served) -> None:
    mount = mountinfo.find_mount(served.place)
    assert mount is not None
    setting = Path(f"/sys/class/bdi/{mount.major}:{mount.minor}/read_ahead_kb")
    before = int(setting.read_text())
    assert mountpoint.raise_read_ahead(served.place, before + 512) is (os.geteuid() == 0)
    if os.geteuid() == 0:
        assert int(setting.read_text()) == before + 512
    assert mountpoint.raise_read_ahead(served.place, 4)
    if os.geteuid() == 0:
        assert int(setting.read_text()) == before + 512
    assert not mountpoint.raise_read_ahead(served.place / "file", 512)


@pytest.mark.mount
def test_read_only_mount_refuses_changes(tmp_path: Path) -> None:
    place = tmp_path / "mnt"
    place.mkdir()
    channel = Channel(mountpoint.mount(place, MountOptions(source=b"/v", read_only=True)))
    server = threading.Thread(target=MemoryServer(channel).serve)
    server.start()
    try:
        with pytest.raises(OSError, match="Read-only") as caught:
            (place / "new").mkdir()
        assert caught.value.errno == errno.EROFS
    finally:
        mountpoint.unmount(place)
        server.join()
        channel.close()


@pytest.mark.mount
def test_fusermount_mounts_and_unmounts(tmp_path: Path) -> None:
    if shutil.which("fusermount3") is None:
        pytest.skip("fusermount3 is missing (apt install fuse3)")
    place = mountinfo.absolute(tmp_path / "mnt")
    os.mkdir(place)
    options = MountOptions(source=b"/vaults/x y,z\\", default_permissions=True)
    fd = fusermount.mount(place, mountpoint.user_options(options))
    assert stat.S_ISCHR(os.fstat(fd).st_mode)
    assert not os.get_inheritable(fd)
    channel = Channel(fd)
    server = threading.Thread(target=MemoryServer(channel).serve)
    server.start()
    try:
        mount = mountinfo.find_mount(place)
        assert mount is not None
        assert (mount.fstype, mount.source) == ("fuse.wafs", b"/vaults/x y,z\\")
        assert {"nosuid", "nodev", "default_permissions"} <= set(mount.options)
        assert os.listdir(place) == []
    finally:
        fusermount.unmount(place, lazy=False)
        server.join()
        channel.close()
    with pytest.raises(MountError, match=r"not found|not mounted|(?i:invalid argument)"):
        fusermount.unmount(place, lazy=False)


@pytest.mark.mount
def test_idle_server_uses_no_processor_time(served: Served) -> None:
    native = served.thread.native_id

    def used_ticks() -> int:
        text = Path(f"/proc/self/task/{native}/stat").read_text()
        return sum(map(int, text.rpartition(")")[2].split()[11:13]))

    (served.place / "file").read_bytes()
    before = used_ticks()
    threading.Event().wait(0.3)
    assert used_ticks() - before <= 2, "ticks of 10 ms in 300 ms of doing nothing"
