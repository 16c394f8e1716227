"""The folder of a scratch is private, goes with its process, and is cleared away after one that was killed."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wafs.store.scratch_folder import PREFIX, remove_left, scratch_folder

if TYPE_CHECKING:
    from pathlib import Path

HOLD = """
import sys
from wafs.store.scratch_folder import scratch_folder
with scratch_folder(sys.argv[1]) as folder:
    folder.make_file()
    print(folder.path, flush=True)
    sys.stdin.readline()
"""


def folders(place: Path) -> list[str]:
    return sorted(name for name in os.listdir(place) if name.startswith(PREFIX))


def test_a_folder_is_private_and_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with scratch_folder(str(tmp_path)) as folder:
        assert os.stat(folder.path).st_mode & 0o777 == 0o700
        (one, fd), (two, other) = folder.make_file(), folder.make_file()
        os.pwrite(fd, b"bytes", 0)
        again = folder.open_file(one)
        assert os.pread(again, 5, 0) == b"bytes"
        assert folder.stat_file(one).st_size == 5
        assert os.stat(os.path.join(os.fsencode(folder.path), one)).st_mode & 0o777 == 0o600
        folder.drop_file(two)
        folder.drop_file(two)
        assert os.listdir(folder.path) == [os.fsdecode(one)]
        assert folder.space().f_bsize
        for number in (fd, other, again):
            os.close(number)
        folder.remove()
        assert folders(tmp_path) == []
    assert len(os.listdir("/proc/self/fd")) == before


def test_one_that_is_handed_over_stays(tmp_path: Path) -> None:
    with scratch_folder(str(tmp_path)) as folder:
        folder.hand_over()
    assert os.path.isdir(folder.path)


def test_one_that_was_left_is_removed_and_one_in_use_is_not(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        path = process.stdout.readline().decode().strip()
        remove_left(str(tmp_path))
        assert os.listdir(path) == ["1"]
        process.kill()
        process.wait()
        assert os.path.isdir(path)
    with scratch_folder(str(tmp_path)) as folder:
        assert folders(tmp_path) == [os.path.basename(folder.path)]


@pytest.mark.parametrize("kind", ["open to others", "symlink", "file", "full of folders"])
def test_what_is_not_ours_is_left_alone(tmp_path: Path, kind: str) -> None:
    other, path = tmp_path / "other", tmp_path / f"{PREFIX}other"
    other.mkdir(mode=0o700)
    (other / "file").write_text("kept")
    match kind:
        case "open to others":
            path.mkdir(mode=0o755)
            (path / "1").write_text("kept")
        case "symlink":
            path.symlink_to(other)
        case "file":
            path.write_text("kept")
        case _:
            (path / "folder").mkdir(parents=True)
            path.chmod(0o700)
    with scratch_folder(str(tmp_path)):
        pass
    assert folders(tmp_path) == [path.name]
    assert (other / "file").read_text() == "kept"


def test_where_there_are_no_locks_nothing_is_taken_for_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks")

    (tmp_path / f"{PREFIX}left").mkdir(mode=0o700)
    monkeypatch.setattr(fcntl, "flock", fail)
    with scratch_folder(str(tmp_path)) as folder:
        assert os.path.isdir(folder.path)
    assert folders(tmp_path) == [f"{PREFIX}left"]


def test_one_that_somebody_clears_away_meanwhile_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    lock = fcntl.flock

    def steal(fd: int, kind: int) -> None:
        if not made:
            made.append(os.readlink(f"/proc/self/fd/{fd}"))
            os.rmdir(made[0])
        lock(fd, kind)

    monkeypatch.setattr(fcntl, "flock", steal)
    with scratch_folder(str(tmp_path)) as folder:
        assert os.path.isdir(folder.path)
        assert folder.path != made[0]


def test_a_place_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), scratch_folder(str(tmp_path / "no")):
        pass
