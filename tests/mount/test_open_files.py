"""Open files and folders outlive their names, and editors' ways of saving keep files whole."""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mount.daemon import start
from mount.programs import finish, line_of, python, run, tell
from mount.users import LOOK_INSIDE, must_be_root

if TYPE_CHECKING:
    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

RENAME_EXCHANGE = 2
LIBC = ctypes.CDLL(None, use_errno=True)


def test_an_open_file_without_a_name_is_read_and_written(daemon: Daemon) -> None:
    path = daemon.place / "gone"
    with path.open("w+b") as file:
        file.write(b"a" * 50_000)
        file.flush()
        path.unlink()
        assert not path.exists()
        file.seek(40_000)
        file.write(b"b" * 50_000)
        file.flush()
        os.fsync(file.fileno())
        os.fchmod(file.fileno(), 0o640)
        state = os.fstat(file.fileno())
        assert (state.st_nlink, state.st_size, stat.S_IMODE(state.st_mode)) == (0, 90_000, 0o640)
        path.write_bytes(b"another file of the same name")
        file.seek(0)
        assert file.read() == b"a" * 40_000 + b"b" * 50_000
        file.truncate(10)
        assert os.fstat(file.fileno()).st_size == 10
    assert path.read_bytes() == b"another file of the same name"


def test_many_folders_and_changes_where_few_files_may_be_open(bench: Bench) -> None:
    vault, place = bench.vault(), bench.folder / "few"
    place.mkdir()
    command = ["prlimit", "--nofile=128:128", *bench.mount_command(vault, place)]
    few = start(command, vault, place, bench.folder / "few.log")
    bench.daemons.append(few)
    for number in range(150):
        folder = place / str(number)
        folder.mkdir()
        (folder / "file").write_bytes(b"a" * 50_000)
    # What is overwritten is kept open until a checkpoint.
    for number in range(150):
        with (place / str(number) / "file").open("r+b") as file:
            file.write(b"%d" % number)
    for number in range(150):
        name = b"%d" % number
        assert (place / str(number) / "file").read_bytes() == name + b"a" * (50_000 - len(name))
    assert len(list((Path("/proc") / str(few.pid) / "fd").iterdir())) < 128


def test_a_file_renamed_over_an_open_one(mnt: Path) -> None:
    (mnt / "old").write_bytes(b"old" * 10_000)
    with (mnt / "old").open("rb") as file:
        (mnt / "new").write_bytes(b"new")
        (mnt / "new").replace(mnt / "old")
        assert file.read() == b"old" * 10_000
    assert (mnt / "old").read_bytes() == b"new"


def test_a_file_without_a_name_gets_one(bench: Bench, daemon: Daemon) -> None:
    handle = os.open(daemon.place, os.O_TMPFILE | os.O_RDWR, 0o600)
    try:
        os.write(handle, b"x" * 20_000)
        assert list(daemon.place.iterdir()) == []
        _give_name(handle, daemon.place, "named")
        os.write(handle, b"and more")
        assert os.fstat(handle).st_nlink == 1
    finally:
        os.close(handle)
    again = bench.remount(daemon)
    assert (again.place / "named").read_bytes() == b"x" * 20_000 + b"and more"


def test_a_file_that_never_gets_a_name_leaves_nothing(daemon: Daemon) -> None:
    handle = os.open(daemon.place, os.O_TMPFILE | os.O_RDWR, 0o600)
    os.write(handle, b"x" * 20_000)
    os.close(handle)
    assert list(daemon.place.iterdir()) == []
    assert list((daemon.vault / "tree").iterdir()) == []


def test_a_process_works_in_a_folder_that_was_removed(mnt: Path) -> None:
    source = """
import os, sys
os.chdir(sys.argv[1])
print("there", flush=True)
sys.stdin.readline()
assert os.listdir(".") == [], os.listdir(".")
assert os.stat(".").st_nlink == 0, os.stat(".")
try:
    open("file", "w")
except FileNotFoundError:
    pass
else:
    raise SystemExit("made a file in a removed folder")
os.chdir("..")
assert os.listdir(".") == ["other"], os.listdir(".")
"""
    folder = mnt / "up" / "folder"
    folder.mkdir(parents=True)
    (mnt / "up" / "other").touch()
    process = python(source, folder)
    assert line_of(process) == "there"
    folder.rmdir()
    tell(process)
    finish(process)


def test_an_open_folder_is_listed_after_it_was_moved(mnt: Path) -> None:
    (mnt / "one").mkdir()
    (mnt / "one" / "file").touch()
    handle = os.open(mnt / "one", os.O_RDONLY)
    try:
        (mnt / "one").rename(mnt / "two")
        (mnt / "two" / "later").touch()
        assert sorted(os.listdir(handle)) == ["file", "later"]
        assert os.stat("file", dir_fd=handle).st_size == 0
    finally:
        os.close(handle)


@pytest.mark.parametrize("backup", [False, True])
def test_editors_save_by_a_new_file_and_a_rename(bench: Bench, daemon: Daemon, *, backup: bool) -> None:
    path = daemon.place / "notes.txt"
    path.write_text("version 0\n")
    path.chmod(0o640)
    for number in range(1, 20):
        temporary = daemon.place / f".notes.txt.{number}~"
        with temporary.open("x") as file:
            file.write(f"version {number}\n")
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(stat.S_IMODE(path.stat().st_mode))
        if backup:
            (daemon.place / "notes.txt~").unlink(missing_ok=True)
            os.link(path, daemon.place / "notes.txt~")
        temporary.replace(path)
        assert path.read_text() == f"version {number}\n"
    bench.remount(daemon)
    assert path.read_text() == "version 19\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(os.listdir(daemon.place)) == ["notes.txt", "notes.txt~"] if backup else ["notes.txt"]


def test_two_files_change_places(mnt: Path) -> None:
    (mnt / "one").write_text("one")
    (mnt / "two").mkdir()
    (mnt / "two" / "file").write_text("two")
    result = LIBC.renameat2(-100, os.fsencode(mnt / "one"), -100, os.fsencode(mnt / "two"), RENAME_EXCHANGE)
    assert result == 0, os.strerror(ctypes.get_errno())
    assert (mnt / "one" / "file").read_text() == "two"
    assert (mnt / "two").read_text() == "one"


def test_moved_folders_are_used_at_once_and_after_a_remount(bench: Bench, daemon: Daemon) -> None:
    top = daemon.place
    (top / "a" / "b" / "c").mkdir(parents=True)
    (top / "a" / "b" / "c" / "file").write_text("deep")
    (top / "other").mkdir()
    run("mv", top / "a" / "b", top / "other" / "moved")
    (top / "other" / "moved" / "c" / "new").write_text("made after")
    run("mv", top / "other", top / "again")
    (top / "a" / "b").mkdir()
    (top / "a" / "b" / "fresh").write_text("in a folder of the old name")
    run("mv", top / "again" / "moved" / "c", top / ("long " * 51))
    bench.remount(daemon)
    assert (top / ("long " * 51) / "file").read_text() == "deep"
    assert (top / ("long " * 51) / "new").read_text() == "made after"
    assert (top / "a" / "b" / "fresh").read_text() == "in a folder of the old name"
    assert os.listdir(top / "again" / "moved") == []


def test_a_folder_does_not_move_into_itself_nor_over_a_full_one(mnt: Path) -> None:
    (mnt / "a" / "b").mkdir(parents=True)
    (mnt / "full" / "x").mkdir(parents=True)
    with pytest.raises(OSError, match="Invalid argument") as into_itself:
        (mnt / "a").rename(mnt / "a" / "b" / "c")
    assert into_itself.value.errno == errno.EINVAL
    with pytest.raises(OSError, match="not empty"):
        (mnt / "a").rename(mnt / "full")
    (mnt / "a").rename(mnt / "c")
    assert os.listdir(mnt / "c") == ["b"]


def test_a_shared_map_is_written_back(bench: Bench, daemon: Daemon) -> None:
    path = daemon.place / "mapped"
    path.write_bytes(bytes(300_000))
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        view[100_000:100_005] = b"hello"
        view.flush()
        assert path.read_bytes()[100_000:100_005] == b"hello"
        view[299_999:] = b"!"
    bench.remount(daemon)
    data = path.read_bytes()
    assert len(data) == 300_000
    assert data[100_000:100_005] == b"hello"
    assert data[-1:] == b"!"


def test_two_maps_in_two_processes_see_each_other(mnt: Path) -> None:
    source = """
import mmap, os, sys
with open(sys.argv[1], "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
    view[:5] = b"child"
    print("wrote", flush=True)
    sys.stdin.readline()
    assert view[10:16] == b"parent", view[10:16]
"""
    path = mnt / "mapped"
    path.write_bytes(bytes(8192))
    process = python(source, path)
    assert line_of(process) == "wrote"
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as view:
        assert view[:5] == b"child"
        view[10:16] = b"parent"
        tell(process)
        finish(process)


def test_a_program_runs_from_a_mount(mnt: Path) -> None:
    shutil.copy(shutil.which("true") or "/bin/true", mnt / "program")
    run(mnt / "program")
    (mnt / "script").write_text("#!/bin/sh\necho ran from $0\n")
    (mnt / "script").chmod(0o700)
    assert run(mnt / "script") == f"ran from {mnt / 'script'}\n"
    (mnt / "script").chmod(0o600)
    with pytest.raises(PermissionError):
        subprocess.run([mnt / "script"], check=False)


def test_a_long_life_does_not_use_up_handles(daemon: Daemon) -> None:
    must_be_root(LOOK_INSIDE)
    for number in range(700):
        folder = daemon.place / f"folder {number}"
        folder.mkdir()
        (folder / "file").write_bytes(b"x")
        if number % 20 == 0:
            folder.rename(daemon.place / f"moved {number}")
    for number in range(1, 700, 2):
        (daemon.place / f"folder {number}" / "file").unlink()
        (daemon.place / f"folder {number}").rmdir()
    assert sum(1 for _ in daemon.place.rglob("file")) == 350
    # 512 directories are kept open on purpose.
    assert len(os.listdir(f"/proc/{daemon.pid}/fd")) < 512 + 40


def _give_name(handle: int, folder: Path, name: str) -> None:
    place = os.open(folder, os.O_RDONLY)
    try:
        # Only with a folder's handle does Python call linkat(2), which follows the link in /proc.
        os.link(f"/proc/self/fd/{handle}", name, dst_dir_fd=place, follow_symlinks=True)
    finally:
        os.close(place)
