"""The demonstration runs from end to end, leaves nothing behind, and never touches a backup."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from demo_job.tree import listing
from demo_job.vault import is_mounted
from sample_backup.android import write_android
from sample_backup.plan import Options, make_plan

SCRIPTS = Path(__file__).parents[2] / "scripts"


def started(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "demo_job", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": str(SCRIPTS), "COLUMNS": "100"}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment)


def demo(*words: object) -> subprocess.CompletedProcess[str]:
    with started(*words) as process:
        output, errors = process.communicate()
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@pytest.mark.slow
@pytest.mark.mount
def test_the_main_job(tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = demo("--out", out)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "came out unchanged" in result.stdout
    assert str(out / "export/html") in result.stdout
    assert list((out / "export/html").glob("*.html"))
    assert (out / "password.txt").stat().st_mode & 0o777 == 0o600
    assert not (out / "scratch").exists()
    assert not is_mounted(out / "mount")


@pytest.mark.slow
def test_the_main_job_without_a_mount(tmp_path: Path) -> None:
    result = demo("--no-mount", "--out", tmp_path / "out")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "came out unchanged" in result.stdout


@pytest.mark.slow
@pytest.mark.mount
def test_a_backup_with_a_live_database_is_only_read(tmp_path: Path) -> None:
    backup = tmp_path / "my backup"
    write_android(make_plan(Options(messages=60, media_files=12, media_bytes=100_000)), backup)
    with closing(sqlite3.connect(backup / "msgstore.db")) as db:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("UPDATE message SET starred = 1 WHERE _id = 1")
        db.commit()
        live = {side: (backup / f"msgstore.db{side}").read_bytes() for side in ("", "-wal")}
    for side, data in live.items():
        (backup / f"msgstore.db{side}").write_bytes(data)
    before = facts(backup)

    result = demo(backup, "--out", tmp_path / "out")

    assert result.returncode == 0, result.stdout + result.stderr
    assert facts(backup) == before
    assert (tmp_path / "out/vault/wafs.vault").is_file()


@pytest.mark.slow
@pytest.mark.mount
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupted_demonstration_leaves_nothing_mounted(tmp_path: Path, number: int, status: int) -> None:
    out = tmp_path / "out"
    with started("--out", out) as process:
        while not is_mounted(out / "mount"):
            assert process.poll() is None, "ended before it mounted anything"
            time.sleep(0.01)
        process.send_signal(number)
        assert process.wait(timeout=60) == status
    assert not is_mounted(out / "mount")
    assert not (out / "scratch").exists()


def facts(root: Path) -> dict[str, tuple[int, int, int]]:
    entries = listing(root).entries.items()
    return {path: (info.st_mode, info.st_size, info.st_mtime_ns) for path, info in entries}


def test_help_explains_what_will_happen() -> None:
    result = demo("--help")
    assert result.returncode == 0
    assert "BACKUP_DIR" in result.stdout
    assert "--keep" in result.stdout


@pytest.mark.parametrize("inside", [True, False])
def test_folders_within_each_other_are_refused(tmp_path: Path, inside: bool) -> None:
    backup = tmp_path / "backup"
    backup.mkdir()
    (backup / "wa.db").touch()
    result = demo(backup, "--out", backup / "out" if inside else tmp_path)
    assert result.returncode == 2
    assert "name" in result.stderr
    assert [path.name for path in backup.rglob("*") if path.is_file()] == ["wa.db"]
