"""`wafs restore`: what is missing or older comes back; what is newer stays; a damaged file loses only itself."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from cli.commands import WITH_PASSWORD, Wafs, powerless
from cli.local_tree import facts_of
from sample_backup.android import write_android
from sample_backup.ios import write_ios
from sample_backup.plan import Options, make_plan
from wafs.cli.progress import Progress

PLAN = make_plan(Options(messages=40, media_files=16, media_bytes=200_000))


@pytest.fixture
def filled(vault: Wafs, place: Path) -> Wafs:
    """A vault with an Android backup; the source is in `phone`."""
    write_android(PLAN, place / "phone")
    vault.do("backup", "phone", "v:/phone")
    return vault


def counts(vault: Wafs, *words: object) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = json.loads(vault.do("restore", "--json", *words).out)["categories"]
    return found


def cipher_file(size: int) -> Path:
    """The ciphertext file of the one plain file with this size, of chunks of 16 KiB."""
    sealed = 256 + size + 28 * -(-size // 16384)
    (found,) = (path for path in Path("v/tree").rglob("*") if path.is_file() and path.stat().st_size == sealed)
    return found


def damage(path: Path) -> None:
    attrs = path.stat()
    with path.open("r+b") as file:
        file.seek(300)
        byte = file.read(1)[0]
        file.seek(300)
        file.write(bytes([byte ^ 1]))
    os.utime(path, ns=(attrs.st_atime_ns, attrs.st_mtime_ns))


def test_everything_comes_back_and_a_second_run_reads_nothing(filled: Wafs, place: Path) -> None:
    shown = filled.do("restore", "v:/phone", "out").lines()
    heads = "category files size new changed unchanged newer there skipped failed"
    assert shown[0].split() == heads.split()
    assert facts_of(place / "out") == facts_of(place / "phone")
    assert (place / "out").stat().st_mtime_ns == (place / "phone").stat().st_mtime_ns
    damage(cipher_file(os.path.getsize("phone/msgstore.db")))
    found = counts(filled, "v:/phone", "out")["all"]
    assert found["unchanged"] == found["files"] > 16


def test_newer_files_stay_and_older_ones_are_replaced(filled: Wafs, place: Path) -> None:
    filled.do("restore", "v:/phone", "out")
    for name, change in (("msgstore.db", +1), ("wa.db", -1)):
        at = os.stat(f"phone/{name}").st_mtime_ns
        (place / "out" / name).write_text("mine")
        os.utime(f"out/{name}", ns=(at, at + change))
    (place / "out/mine").write_text("no file of the vault")
    result = filled.do("restore", "v:/phone", "out")
    assert "1 file newer in out stayed; --force" in result.err
    assert (place / "out/msgstore.db").read_text() == "mine"
    assert (place / "out/wa.db").read_bytes() == (place / "phone/wa.db").read_bytes()
    assert counts(filled, "--dry-run", "--force", "v:/phone", "out")["databases"]["changed"] == 1
    assert (place / "out/msgstore.db").read_text() == "mine"
    filled.do("restore", "--force", "v:/phone", "out")
    (place / "out/mine").unlink()
    os.utime("out", ns=(0, 0))
    assert facts_of(place / "out") == facts_of(place / "phone")


def test_what_becomes_newer_while_it_is_copied_stays(
    filled: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Progress.begin

    def begin(self: Progress, name: str | bytes) -> None:
        real(self, name)
        if name == b"wa.db":
            (place / "out/wa.db").write_text("mine")

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "begin", begin)
        assert counts(filled, "v:/phone", "out")["databases"]["newer"] == 1
    assert (place / "out/wa.db").read_text() == "mine"
    assert not any(".wafs-" in name for name in os.listdir("out"))


def test_a_database_never_meets_the_log_of_another(vault: Wafs, place: Path) -> None:
    def fill(path: Path, rows: int) -> None:
        """Make a database whose log is left over, as after a crash."""
        path.parent.mkdir(exist_ok=True)
        with closing(sqlite3.connect(path)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("CREATE TABLE t (x)")
            db.executemany("INSERT INTO t VALUES (?)", [(f"{rows} {row}" * 99,) for row in range(rows)])
            db.commit()
            for end in ("", "-wal"):
                shutil.copy2(f"{path}{end}", f"{path}{end}.kept")
        for end in ("", "-wal"):
            os.rename(f"{path}{end}.kept", f"{path}{end}")

    def rows(path: Path) -> int:
        shutil.copytree(path.parent, "looked")
        try:
            with closing(sqlite3.connect(f"looked/{path.name}")) as db:
                assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
                return int(db.execute("SELECT count(*) FROM t").fetchone()[0])
        finally:
            shutil.rmtree("looked")

    with closing(sqlite3.connect(place / "closed.db")) as db:
        db.execute("CREATE TABLE t (x)")
        db.executemany("INSERT INTO t VALUES (?)", [("one" * 99,)] * 700)
        db.commit()
    (place / "src").mkdir()
    os.rename("closed.db", "src/a.db")
    vault.do("backup", "src", "v:/closed")
    fill(place / "out/a.db", 500)
    os.utime("out/a.db", ns=(0, 0))
    found = counts(vault, "v:/closed", "out")["all"]
    assert (found["newer"], rows(place / "out/a.db")) == (1, 500)
    vault.do("restore", "--force", "v:/closed", "out")
    assert (os.listdir("out"), rows(place / "out/a.db")) == (["a.db"], 700)
    # A database that is newer here keeps its log, too.
    os.remove("src/a.db")
    fill(place / "src/a.db", 800)
    vault.do("backup", "src", "v:/live")
    os.utime("out/a.db", ns=(2**61, 2**61))
    found = counts(vault, "v:/live", "out")["all"]
    assert (found["newer"], rows(place / "out/a.db")) == (2, 700)
    vault.do("restore", "--force", "v:/live", "out")
    assert rows(place / "out/a.db") == 800


def test_read_only_folders_that_are_here_take_what_is_missing(vault: Wafs, place: Path) -> None:
    for name in ("src/a", "src/ro/a", "src/ro/deep/a"):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)
    folders = [place / name for name in ("src", "src/ro", "src/ro/deep")]
    for folder in folders:
        os.chmod(folder, 0o555)
    vault.do("backup", "src", "v:/x")
    vault.do("restore", "v:/x", "out")
    shutil.rmtree("out/ro/deep")
    (place / "out/ro/a").unlink()
    (place / "out/a").write_text("older, and of another size")
    os.utime("out/a", ns=(0, 0))
    for name in ("out/ro", "out"):
        os.utime(name, ns=(0, 0))
        os.chmod(name, 0o555)
    done = powerless("restore", "v:/x", "out", *WITH_PASSWORD)
    assert done.returncode == 0, done.stderr
    assert facts_of(place / "out") == facts_of(place / "src")


def test_the_same_time_and_another_size_is_replaced(filled: Wafs, place: Path) -> None:
    filled.do("restore", "v:/phone", "out")
    at = os.stat("phone/wa.db").st_mtime_ns
    (place / "out/wa.db").write_text("short")
    os.utime("out/wa.db", ns=(at, at))
    os.chmod("out/msgstore.db", 0o600)
    filled.do("restore", "v:/phone", "out")
    assert facts_of(place / "out") == facts_of(place / "phone")


def test_one_damaged_file_is_named_and_the_rest_is_restored(filled: Wafs, place: Path) -> None:
    damage(cipher_file(os.path.getsize("phone/msgstore.db")))
    result = filled.unlocked("restore", "v:/phone", "out")
    assert result.code == 5
    assert "error: msgstore.db: chunk 0 does not verify" in result.err
    whole = facts_of(place / "phone")
    del whole["msgstore.db"]
    assert facts_of(place / "out") == whole
    assert "1" in next(line for line in result.lines() if line.startswith("databases")).split()[-1]
    failed = json.loads(filled.unlocked("restore", "--json", "v:/phone", "out").out)["failed"]
    assert [entry["path"] for entry in failed] == ["msgstore.db"]


def test_what_is_chosen(filled: Wafs, place: Path) -> None:
    found = counts(filled, "--only", "databases", "v:/phone", "db")
    assert sorted(os.listdir("db")) == ["msgstore.db", "wa.db"]
    assert found["images"]["skipped"] > 0
    filled.do("restore", "--no-videos", "--exclude-glob", "Sent", "v:/phone", "some")
    names = [str(path) for path in (place / "some").rglob("*")]
    assert names
    assert not any("WhatsApp Video" in name or "Sent" in name for name in names)


def test_an_ios_backup_knows_its_categories_in_the_vault(vault: Wafs, place: Path) -> None:
    write_ios(PLAN, place / "ios")
    vault.do("backup", "ios", "v")
    assert counts(vault, "--only", "databases", "v", "db")["databases"]["new"] == 3
    assert sum(path.is_file() for path in (place / "db").rglob("*")) == 3
    vault.do("restore", "v", "out")
    assert facts_of(place / "out") == facts_of(place / "ios")
    damage(cipher_file(os.path.getsize("ios/Manifest.db")))
    result = vault.unlocked("restore", "v", "again")
    assert (result.code, "manifest of this iOS backup cannot be read" in result.err) == (5, True)
    assert len(facts_of(place / "again")) == len(facts_of(place / "ios")) - 1


def test_the_longest_names_come_back(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    for length in (247, 248, 251, 255):
        (place / "src" / ("n" * length)).write_bytes(b"a name with room for a log beside it, or none")
    vault.do("backup", "src", "v:/src")
    vault.do("restore", "v:/src", "out")
    assert facts_of(place / "out") == facts_of(place / "src")


def test_hard_links_and_symlinks_come_back(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    (place / "src/a").write_bytes(b"shared")
    (place / "src/link").symlink_to("a")
    os.utime("src/link", ns=(3, 5), follow_symlinks=False)
    vault.do("backup", "--snapshot", "src", "v")
    vault.do("backup", "--snapshot", "src", "v")
    vault.do("get", "v", "/", "all")
    result = vault.unlocked("restore", "v", "out")
    assert (result.code, "which one is wanted" in result.err) == (2, True)
    vault.do("restore", "--snapshot", "latest", "v", "out")
    assert facts_of(place / "out") == facts_of(place / "src")
    found = counts(vault, "--snapshot", "latest", "v", "out")["all"]
    assert (found["unchanged"], found["files"]) == (2, 2)


def test_two_names_of_one_file(vault: Wafs, place: Path) -> None:
    from wafs.fs.vfs import Vfs
    from wafs.units import ROOT_INO
    from wafs.vault.vault import open_vault

    vault.do("put", "v", "pw", "/a")
    with Vfs(open_vault("v", lambda _: (place / "pw").read_bytes().strip())) as vfs:
        entry = vfs.tree.lookup(ROOT_INO, b"a")
        vfs.tree.link(entry.ino, ROOT_INO, b"b")
    vault.do("restore", "v", "out")
    assert os.path.samefile("out/a", "out/b")
    assert (place / "out/a").read_bytes() == (place / "pw").read_bytes()


def test_ctrl_c_leaves_no_half_file(filled: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = iter(range(1, 1000))
    real = Progress.advance

    def advance(self: Progress, size: int) -> None:
        real(self, size)
        if next(at) == 7:
            os.kill(os.getpid(), signal.SIGINT)

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "advance", advance)
        assert filled.unlocked("restore", "v:/phone", "out").code == 130
    whole = {name: facts[2] for name, facts in facts_of(place / "phone").items()}
    assert {name: facts[2] for name, facts in facts_of(place / "out").items()}.items() < whole.items()
    filled.do("restore", "v:/phone", "out")
    assert facts_of(place / "out") == facts_of(place / "phone")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("v:/phone", "v/tree/x"), 2, "inside the vault"),
        (("v:/phone", "pw"), 1, "pw is not a folder"),
        (("v:/phone", "no/such"), 1, "there is no folder"),
        (("v:/phone/wa.db", "out"), 1, "/phone/wa.db: not a folder"),
        (("v:/nope", "out"), 1, "/nope: no such file"),
        (("--snapshot", "2020-01-01", "v:/phone", "out"), 1, "there is no snapshot 2020-01-01"),
        (("--snapshot", "latest", "v:/phone", "out"), 1, "there is no snapshot latest"),
    ],
)
def test_what_makes_no_sense(filled: Wafs, words: tuple[str, ...], code: int, said: str) -> None:
    result = filled.unlocked("restore", *words)
    assert (result.code, said in result.err) == (code, True), result.err
    assert not os.path.exists("out")


def test_what_cannot_replace_what_is_there_is_named(filled: Wafs, place: Path) -> None:
    (place / "out/wa.db").mkdir(parents=True)
    (place / "out/WhatsApp").write_text("a file")
    result = filled.unlocked("restore", "v:/phone", "out")
    assert result.code == 1
    assert "a file cannot replace the folder" in result.err
    assert "a folder cannot replace the file" in result.err
    assert (place / "out/msgstore.db").exists()


def test_a_screen_that_is_watched_shows_progress(filled: Wafs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert "files, " in filled.do("restore", "v:/phone", "out").err


def test_a_target_that_keeps_times_in_coarse_steps(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    (place / "src/a").write_text("a")
    os.utime("src/a", ns=(0, 1_600_000_000_123_456_789))
    vault.do("backup", "src", "v")
    vault.do("restore", "v", "card")
    for path in ("card/a", "card"):
        os.utime(path, ns=(0, 1_600_000_000_120_000_000))
    assert counts(vault, "v", "card")["all"]["unchanged"] == 1
    os.utime("card", ns=(0, 1_600_000_000_120_000_001))
    assert counts(vault, "v", "card")["all"]["changed"] == 1
