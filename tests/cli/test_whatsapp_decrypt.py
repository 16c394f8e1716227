"""`wafs whatsapp decrypt`: from and to this machine and vaults, whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
from pathlib import Path

import pytest

from cli.commands import Wafs
from sample_backup import encrypted
from wafs.cli.progress import Progress

KEY = encrypted.root_key("phone")
SERVER = encrypted.server_key("phone")
NONCE = encrypted.nonce_of("decrypt")
PLAIN = b"SQLite format 3\0" + bytes(range(256)) * 40
SEALED = encrypted.crypt15(PLAIN, KEY, nonce=NONCE)
TIME_NS = 1_700_000_000 * 10**9
MEDIA = {
    "Media/WhatsApp Images/a.jpg": b"a" * 1000,
    "Media/WhatsApp Documents/\N{LATIN SMALL LETTER E WITH ACUTE}.pdf": b"b" * 10,
}


@pytest.fixture
def backup(vault: Wafs, place: Path) -> Wafs:
    """A vault that keeps the keys, and backups beside it."""
    (place / "digits").write_text(KEY.hex())
    (place / "key").write_bytes(SERVER.file())
    (place / "b").mkdir()
    (place / "b/msgstore.db.crypt15").write_bytes(SEALED)
    os.utime(place / "b/msgstore.db.crypt15", ns=(TIME_NS, TIME_NS))
    (place / "b/old.db.crypt14").write_bytes(encrypted.crypt14(PLAIN, SERVER, nonce=NONCE))
    (place / "b/older.db.crypt12").write_bytes(encrypted.crypt12(PLAIN, SERVER, nonce=NONCE))
    for path, data in MEDIA.items():
        files = encrypted.mcrypt1(data, path, KEY)
        (place / "b" / files.name).write_bytes(files.data)
        (place / "b" / f"{files.name}-metadata").write_text(files.metadata)
    vault.do("whatsapp", "key", "add", "v", "--key-file", "digits", "--label", "phone")
    vault.do("whatsapp", "key", "add", "v", "--key-file", "key", "--label", "old")
    return vault


def decrypt(backup: Wafs, *words: str, code: int = 0) -> str:
    result = backup("whatsapp", "decrypt", *words)
    assert result.code == code, result.err
    return result.err


def left() -> list[str]:
    """What a run left here that it should not."""
    return [path for path in map(str, Path().rglob("*")) if ".wafs-" in path or path.endswith(".tmp")]


def test_a_file_goes_to_this_folder_or_gets_a_name(backup: Wafs, place: Path) -> None:
    said = decrypt(backup, "b/msgstore.db.crypt15", "--key-file", "digits")
    assert (place / "msgstore.db").read_bytes() == PLAIN
    assert (place / "msgstore.db").stat().st_mtime_ns == TIME_NS
    assert (place / "msgstore.db").stat().st_mode & 0o777 == 0o600
    assert "a database, opened by the key digits" in said
    assert "without any encryption" in said
    decrypt(backup, "b/old.db.crypt14", "--key-file", "key", "-o", "named.db")
    decrypt(backup, "b/older.db.crypt12", "--key-file", "key", "-o", "b")
    assert (place / "named.db").read_bytes() == (place / "b/older.db").read_bytes() == PLAIN
    assert left() == []


def test_nothing_is_replaced_without_force(backup: Wafs, place: Path) -> None:
    (place / "msgstore.db").write_bytes(b"precious")
    words = ("b/msgstore.db.crypt15", "--key-file", "digits")
    assert "is there already" in decrypt(backup, *words, code=1)
    assert (place / "msgstore.db").read_bytes() == b"precious"
    decrypt(backup, *words, "--force")
    assert (place / "msgstore.db").read_bytes() == PLAIN
    (place / "folder").mkdir()
    (place / "folder/msgstore.db").mkdir()
    decrypt(backup, *words, "-o", "folder", "--force", code=1)
    assert left() == []


def test_two_that_would_have_one_name_do_not_replace_each_other(backup: Wafs, place: Path) -> None:
    other = encrypted.crypt14(PLAIN + b"older", SERVER, nonce=NONCE)
    (place / "b/msgstore.db.crypt14").write_bytes(other)
    for output in ("out", "v:/out"):
        for _ in range(2):
            words = ("--vault", "v", "b", "-o", output, "--force", "--password-file", "pw")
            assert "msgstore.db is there already" in decrypt(backup, *words, code=1)
    assert (place / "out/msgstore.db").read_bytes() == PLAIN + b"older" == backup.cat("/out/msgstore.db")


def test_standard_output_gets_what_is_verified(backup: Wafs, place: Path) -> None:
    result = backup.ok("whatsapp", "decrypt", "b/msgstore.db.crypt15", "--key-file", "digits", "-o", "-")
    assert result.out == PLAIN
    for wrong in (SEALED[:-1], SEALED[:200] + b"x" + SEALED[201:], SEALED[:-60]):
        (place / "wrong.crypt15").write_bytes(wrong)
        refused = backup("whatsapp", "decrypt", "wrong.crypt15", "--key-file", "digits", "-o", "-")
        assert (refused.code in (3, 5), refused.out) == (True, b"")
    packed_wrongly = encrypted.crypt15(b"\x78\x01" + b"\xff" * 40, KEY, nonce=NONCE, several=True)
    (place / "wrong.crypt15").write_bytes(packed_wrongly)
    refused = backup("whatsapp", "decrypt", "wrong.crypt15", "--key-file", "digits", "-o", "-")
    assert (refused.code, refused.out) == (5, b"")


def test_keys_of_the_vault_open_all_in_a_folder(backup: Wafs, place: Path) -> None:
    result = backup.do("whatsapp", "decrypt", "--vault", "v", "b", "-o", "out", "--json")
    facts = {found["output"]: found for found in map(json.loads, result.lines())}
    assert {name: (found["kind"], found["key"]) for name, found in facts.items()} == {
        "out/msgstore.db": ("crypt15", "phone"),
        "out/old.db": ("crypt14", "old"),
        "out/older.db": ("crypt12", "old"),
        **{f"out/{path}": ("mcrypt1", "phone") for path in MEDIA},
    }
    assert {path: (place / "out" / path).read_bytes() for path in MEDIA} == MEDIA
    assert facts["out/msgstore.db"]["content"] == "sqlite"
    decrypted = place / "out/Media/WhatsApp Images/a.jpg"
    assert decrypted.stat().st_mtime == 1_790_856_000


def test_one_that_fails_does_not_stop_the_others(backup: Wafs, place: Path) -> None:
    (place / "b/damaged.db.crypt15").write_bytes(SEALED[:300] + b"x" + SEALED[301:])
    (place / "b/nonsense.crypt12").write_bytes(b"?")
    said = decrypt(backup, "b", "--key-file", "digits", "-o", "out", code=5)
    assert "damaged.db.crypt15: the backup is damaged" in said
    assert "old.db.crypt14: a crypt14 needs the file named key" in said
    assert "nonsense.crypt12: this is not an encrypted backup" in said
    assert sorted(path.name for path in (place / "out").iterdir()) == ["Media", "msgstore.db"]
    assert left() == []


def test_from_a_vault_and_into_it(backup: Wafs, place: Path) -> None:
    backup.do("put", "v", "b", "/")
    backup.do("whatsapp", "decrypt", "v:/b/msgstore.db.crypt15", "-o", "v:/b")
    backup.do("whatsapp", "decrypt", "v:/b", "-o", "v:/plain/deep")
    assert backup.cat("/b/msgstore.db") == backup.cat("/plain/deep/old.db") == PLAIN
    assert backup.cat("/plain/deep/Media/WhatsApp Images/a.jpg") == b"a" * 1000
    again = backup.unlocked("whatsapp", "decrypt", "v:/b/msgstore.db.crypt15", "-o", "v:/b")
    assert (again.code, "is there already" in again.err) == (1, True)
    backup.do("whatsapp", "decrypt", "b/msgstore.db.crypt15", "-o", "v:/local.db")
    backup.do("whatsapp", "decrypt", "v:/b/old.db.crypt14", "-o", "here.db")
    assert backup.cat("/local.db") == (place / "here.db").read_bytes() == PLAIN
    assert not [name for name in backup.names() if ".wafs-" in name]
    assert backup.unlocked("check", "v").code == 0


def test_nothing_plain_goes_into_the_folder_of_a_vault(backup: Wafs) -> None:
    for output in ("v/x.db", "v/tree/x.db"):
        said = decrypt(backup, "b/msgstore.db.crypt15", "--key-file", "digits", "-o", output, code=2)
        assert "would lie there unencrypted" in said
    for source in ("../b/msgstore.db.crypt15", "../b"):
        with contextlib.chdir("v"):
            said = decrypt(backup, source, "--key-file", "../digits", code=2)
        assert "this folder lies inside of the vault" in said


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("none.crypt15", "--key-file", "digits"), 1, "there is no file none.crypt15"),
        (("b/msgstore.db.crypt15", "--key-file", "key"), 3, "needs a 64-digit key"),
        (("b/old.db.crypt14",), 3, "needs the file named key"),
        (("b/msgstore.db.crypt15",), 1, "no terminal to ask for the key"),
        (("pw", "--key-file", "digits"), 1, "not an encrypted backup"),
        (("/dev/null", "--key-file", "digits"), 2, "is not a file"),
        (("b", "--key-file", "digits", "-o", "-"), 2, "a folder cannot go to standard output"),
        (("b/msgstore.db.crypt15", "--key-file", "digits", "-o", "no/such/folder"), 7, "no such file"),
    ],
)
def test_what_cannot_be_done_is_told(
    backup: Wafs, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, said: str
) -> None:
    monkeypatch.setattr("wafs.cli.secret_input.TERMINAL", "/dev/null/none")
    assert said in decrypt(backup, *words, code=code)
    assert left() == []


def test_a_wrong_key_names_the_keys_that_were_tried(backup: Wafs, place: Path) -> None:
    (place / "other.crypt15").write_bytes(encrypted.crypt15(PLAIN, encrypted.root_key("other"), nonce=NONCE))
    result = backup.unlocked("whatsapp", "decrypt", "--vault", "v", "other.crypt15")
    assert result.code == 3
    assert "no key fits this backup, which is whole (tried: the key phone)" in result.err
    assert not (place / "other").exists()


def test_media_without_metadata_keep_their_name(backup: Wafs, place: Path) -> None:
    files = encrypted.mcrypt1(b"x" * 50, "Media/lost.jpg", KEY)
    (place / files.name).write_bytes(files.data)
    decrypt(backup, files.name, "--key-file", "digits")
    assert (place / files.name.removesuffix(".mcrypt1")).read_bytes() == b"x" * 50


@pytest.mark.parametrize("output", ["out.db", "v:/out.db", "-"])
@pytest.mark.parametrize("when", [1, 2])
def test_an_interrupt_leaves_nothing(
    backup: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch, output: str, when: int
) -> None:
    """It strikes while the file is read, or while it is written."""
    seen: list[int] = []

    def advance(_progress: Progress, size: int) -> None:
        seen.append(size)
        if len(seen) == when:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Progress, "advance", advance)
    words = ("whatsapp", "decrypt", "b/msgstore.db.crypt15", "--vault", "v", "-o", output)
    result = backup.unlocked(*words)
    assert (result.code, result.out) == (130, b"")
    assert not (place / "out.db").exists()
    assert (left(), backup.names()) == ([], [])


def test_a_target_that_takes_no_more_leaves_nothing(backup: Wafs, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(fd: int, data: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("wafs.cli.decrypt_sinks.os.write", full)
    result = backup("whatsapp", "decrypt", "b/msgstore.db.crypt15", "--key-file", "digits")
    monkeypatch.undo()
    os.chdir(place)
    assert (result.code, "no space left" in result.err) == (7, True)
    assert (left(), (place / "msgstore.db").exists()) == ([], False)
