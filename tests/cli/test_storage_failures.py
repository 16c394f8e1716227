"""Storage that is full, read-only or forbidden: a clear error, exit code 7, and nothing half done."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from cli.commands import PASSWORD, WITH_PASSWORD, Wafs, command, environment, powerless, spawn

if TYPE_CHECKING:
    from collections.abc import Iterator

INIT = ("init", "disk/v", *WITH_PASSWORD, "--kdf-memory", "8", "--no-recovery")


@pytest.fixture
def disk(wafs: Wafs, place: Path) -> Iterator[Wafs]:
    """A disk of 4 MiB in the folder `disk`, with a vault on it."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    (place / "disk").mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "wafs-test", "disk"], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    try:
        wafs.ok(*INIT)
        yield wafs
    finally:
        # A failing test keeps what it had open; the disk goes all the same.
        subprocess.run(["umount", "--lazy", str(place / "disk")], check=True)


def test_a_full_disk_stops_put_and_keeps_what_was_there(disk: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    (place / "src/b").write_bytes(os.urandom(8 << 20))
    (place / "src/c").write_bytes(b"never reached")
    disk.do("put", "disk/v", "pw", "/b")
    result = disk.unlocked("put", "disk/v", "src", "pw", "/")
    assert result.code == 7
    assert "src/b: no space left on device" in result.err
    assert "hint: free some space" in result.err
    assert "pw" not in disk.do("ls", "disk/v").lines()
    assert disk.do("ls", "-R", "disk/v").lines() == ["b", "src/"]
    assert disk.do("cat", "disk/v", "b").out == (place / "pw").read_bytes()
    disk.do("put", "disk/v", "pw", "/after")


def test_a_full_disk_stops_backup_which_goes_on_when_there_is_room(disk: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    for name in "abcdef":
        (place / "src" / name).write_bytes(os.urandom(1_000_000))
    result = disk.unlocked("backup", "src", "disk/v")
    assert (result.code, "no space left on device" in result.err) == (7, True)
    kept = disk.do("ls", "disk/v").lines()
    assert 0 < len(kept) < 6
    assert kept == list("abcdef")[: len(kept)]
    result = disk.unlocked("backup", "--snapshot", "src", "disk/v:/s")
    assert (result.code, "the snapshot is not complete" in result.err) == (7, True)
    for name in "abcdef"[len(kept) :]:
        os.truncate(place / "src" / name, 10)
    disk.do("rm", "-r", "disk/v", "/s")
    counts = json.loads(disk.do("backup", "--json", "src", "disk/v").out)["categories"]["all"]
    assert (counts["unchanged"], counts["new"]) == (len(kept), 6 - len(kept))
    assert disk.do("cat", "disk/v", "f").out == (place / "src/f").read_bytes()


def test_a_full_disk_makes_no_half_vault(disk: Wafs, place: Path) -> None:
    with open("disk/filler", "wb", buffering=0) as file, pytest.raises(OSError, match="No space"):
        os.posix_fallocate(file.fileno(), 0, 8 << 20)
    with open("disk/filler", "wb", buffering=0) as file:
        written = file.write(bytes(8 << 20))
    assert 0 < written < 8 << 20
    result = disk("init", "disk/w", *WITH_PASSWORD, "--kdf-memory", "8", "--no-recovery")
    assert result.code == 7
    assert "no space left" in result.err
    assert not (place / "disk/w").exists()
    changed = disk.unlocked("passwd", "disk/v", "--new-password-command", "echo quite another one")
    assert changed.code == 7
    assert disk.unlocked("ls", "disk/v").code == 0


def test_a_read_only_disk_can_be_read(disk: Wafs, place: Path) -> None:
    disk.do("put", "disk/v", "pw", "/a")
    subprocess.run(["mount", "-o", "remount,ro", str(place / "disk")], check=True)
    assert disk.do("cat", "disk/v", "a").out == PASSWORD + b"\n"
    for words in (
        ("put", "disk/v", "pw", "/b"),
        ("rm", "disk/v", "a"),
        ("passwd", "disk/v", "--new-password-file", "pw"),
    ):
        result = disk.unlocked(*words)
        assert result.code == 7, words
        assert "read-only file system" in result.err
    result = disk("init", "disk/w", *WITH_PASSWORD, "--kdf-memory", "8", "--no-recovery")
    assert (result.code, "read-only file system" in result.err) == (7, True)


def test_get_onto_a_full_disk_leaves_no_part(disk: Wafs, place: Path) -> None:
    (place / "big").write_bytes(os.urandom(5 << 20))
    disk.ok("init", "v", *WITH_PASSWORD, "--kdf-memory", "8", "--no-recovery")
    disk.do("put", "v", "big", "/")
    result = disk.unlocked("get", "v", "big", "disk")
    assert (result.code, "no space left on device" in result.err) == (7, True)
    assert os.listdir("disk") == ["v"]


def test_output_onto_a_full_device(vault: Wafs, place: Path) -> None:
    vault.do("put", "v", "pw", "/")
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            command("cat", "v", "pw", *WITH_PASSWORD),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            env=environment(),
        )
    assert done.returncode == 7
    assert b"no space left on device" in done.stderr


def test_no_permission(vault: Wafs, place: Path) -> None:
    vault.do("put", "v", "pw", "/a")
    os.chmod("v/tree", 0o500)
    result = powerless("put", "v", "pw", "/b", *WITH_PASSWORD)
    assert (result.returncode, "permission denied" in result.stderr) == (7, True), result.stderr
    result = powerless("rm", "v", "a", *WITH_PASSWORD)
    assert (result.returncode, "permission denied" in result.stderr) == (7, True), result.stderr
    os.chmod("v/tree", 0o700)
    os.chmod("v", 0)
    result = powerless("ls", "v", *WITH_PASSWORD)
    assert (result.returncode, "permission denied" in result.stderr) == (7, True), result.stderr
    os.chmod("v", 0o700)
    assert vault.names() == ["a"]


def test_a_source_that_may_not_be_read(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    for name in ("a", "b", "c"):
        (place / "src" / name).write_text(name)
    os.chmod("src/b", 0)
    result = powerless("put", "v", "src/.", "/", *WITH_PASSWORD)
    assert (result.returncode, "src/./b: permission denied" in result.stderr) == (7, True), result.stderr
    assert vault.names() == ["a", "c"]


def test_a_vault_in_use(vault: Wafs, place: Path) -> None:
    from wafs.vault.lock import VaultLock

    lock = VaultLock("v")
    try:
        for words in (("put", "v", "pw", "/"), ("rm", "v", "pw")):
            result = vault.unlocked(*words)
            assert (result.code, "in use by another process" in result.err) == (6, True)
        assert vault.do("ls", "v").out == b""
    finally:
        lock.release()


def test_whoever_stops_reading_is_no_failure(vault: Wafs, place: Path) -> None:
    (place / "big").write_bytes(bytes(4 << 20))
    vault.do("put", "v", "big", "/")
    cat = subprocess.Popen(
        command("cat", "v", "big", *WITH_PASSWORD), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment()
    )
    assert cat.stdout is not None
    assert cat.stderr is not None
    cat.stdout.read(10)
    cat.stdout.close()
    assert cat.stderr.read() == b""
    cat.stderr.close()
    assert cat.wait() == 1


def test_a_bug_says_that_it_is_one(place: Path) -> None:
    code = (
        "import sys, wafs.cli.main as m, wafs.cli.cmd_info as c\n"
        "c.count_words = c.size_words = lambda *_: 1 / 0\n"
        "sys.exit(m.run(['info', 'v']))"
    )
    assert spawn("init", "v", *WITH_PASSWORD, "--kdf-memory", "8", "--no-recovery").code == 0
    import sys

    def bug(debug: str) -> str:
        line = [sys.executable, "-c", code]
        env = {**environment(), "WAFS_DEBUG": debug}
        done = subprocess.run(line, check=False, capture_output=True, text=True, env=env)
        assert done.returncode == 70
        return done.stderr

    assert bug("0").startswith("wafs: error: this is a bug in wafs: ZeroDivisionError")
    assert "Traceback" not in bug("0")
    assert "Traceback" in bug("1")


def test_rm_r_keeps_what_it_may_not_remove_and_goes_on(vault: Wafs, place: Path) -> None:
    for name in ("src/a/x", "src/a/y", "src/b/deep/z", "src/c"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    vault.do("put", "v", "src", "/")
    deep = next(path.parent for path in Path("v/tree").rglob("*.wafs") if len(path.relative_to("v/tree").parts) == 4)
    os.chmod(deep, 0o500)
    result = powerless("rm", "-r", "v", "src", *WITH_PASSWORD)
    assert result.returncode == 7
    assert result.stderr.splitlines() == [
        "wafs: error: src/b/deep/z: permission denied",
        "wafs: hint: see who owns it and what its permissions are",
    ]
    assert vault.names() == ["src/", "src/b/", "src/b/deep/", "src/b/deep/z"]
    os.chmod(deep, 0)
    result = powerless("ls", "-R", "v", *WITH_PASSWORD)
    assert (result.returncode, result.stdout) == (7, "src/\nsrc/b/\nsrc/b/deep/\n")
    assert "src/b/deep: permission denied" in result.stderr
    result = powerless("rm", "-r", "v", "src", *WITH_PASSWORD)
    assert (result.returncode, result.stderr.count("error")) == (7, 1)
    os.chmod(deep, 0o700)
    vault.do("rm", "-r", "v", "src")


def test_a_source_folder_that_may_not_be_read(vault: Wafs, place: Path) -> None:
    (place / "src/closed").mkdir(parents=True)
    (place / "src/open").write_text("x")
    os.chmod("src/closed", 0)
    result = powerless("put", "v", "src", "/", *WITH_PASSWORD)
    os.chmod("src/closed", 0o700)
    assert (result.returncode, "src/closed: permission denied" in result.stderr) == (7, True)
    assert vault.names() == ["src/", "src/closed/", "src/open"]


def test_attributes_that_cannot_be_kept_are_told_and_no_failure(vault: Wafs, place: Path) -> None:
    os.setxattr("pw", "user." + "x" * 200, b"its name is longer than a vault can keep")
    result = vault.do("put", "v", "pw", "/")
    assert "wafs: warning: the attribute user.xxx" in result.err
    assert "could not be kept: name too long" in result.err
