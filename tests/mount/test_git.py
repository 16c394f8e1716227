"""Git on a mount: clone, commit, gc and fsck; it renames, links, maps and locks its files a lot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mount.programs import run

if TYPE_CHECKING:
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

AS = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false", "-c", "gc.auto=0")


def git(folder: Path, *words: str | Path) -> str:
    return run("git", *AS, *words, cwd=folder)


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    """A small repository on the disk."""
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    for number in range(60):
        path = folder / f"folder-{number % 7}" / f"file-{number}.txt"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"line {number}\n" * (number * 40))
    (folder / "link").symlink_to("folder-1/file-1.txt")
    (folder / "run.sh").write_text("#!/bin/sh\n")
    (folder / "run.sh").chmod(0o755)
    for number in range(5):
        (folder / "changing.txt").write_text(f"version {number}\n" * 500)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", f"number {number}")
    return folder


def test_clone_commit_gc_and_fsck(bench: Bench, daemon: Daemon, origin: Path) -> None:
    clone = daemon.place / "clone"
    git(daemon.place, "clone", "-q", "--no-local", origin, clone)
    assert git(clone, "status", "--porcelain") == ""
    (clone / "changing.txt").write_text("on the mount\n")
    git(clone, "mv", "folder-2", "renamed")
    git(clone, "commit", "-q", "-a", "-m", "changed and moved")
    git(clone, "checkout", "-q", "-b", "other", "HEAD~3")
    (clone / "new.txt").write_text("on a branch\n")
    git(clone, "add", "new.txt")
    git(clone, "commit", "-q", "-m", "on a branch")
    git(clone, "checkout", "-q", "main")
    git(clone, "merge", "-q", "-m", "merged", "other")
    git(clone, "gc", "-q", "--aggressive", "--prune=now")
    git(clone, "fsck", "--strict", "--full")
    bench.remount(daemon)
    git(clone, "fsck", "--strict", "--full")
    assert git(clone, "status", "--porcelain") == ""
    assert (clone / "new.txt").read_text() == "on a branch\n"
    assert (clone / "renamed" / "file-2.txt").is_file()


def test_a_clone_with_hard_links_and_a_bare_push(mnt: Path, origin: Path) -> None:
    git(mnt, "clone", "-q", "--bare", "--no-local", origin, mnt / "bare.git")
    git(mnt, "clone", "-q", "--local", mnt / "bare.git", mnt / "work")
    (mnt / "work" / "changing.txt").write_text("pushed\n")
    git(mnt / "work", "commit", "-q", "-a", "-m", "pushed")
    git(mnt / "work", "push", "-q", "origin", "main")
    git(mnt / "bare.git", "fsck", "--strict", "--full")
    assert git(mnt / "bare.git", "show", "main:changing.txt") == "pushed\n"
