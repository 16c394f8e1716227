"""`wafs whatsapp key`: keys go in, are listed without being shown, and come out only where they may."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pexpect
import pytest

from cli.commands import PASSWORD, WITH_PASSWORD, Wafs, command, environment, spawn
from sample_backup import encrypted

KEY = encrypted.root_key("phone")
SERVER = encrypted.server_key("phone")
PLAIN = b"SQLite format 3\0" * 9


@pytest.fixture
def keys(vault: Wafs, place: Path) -> Wafs:
    """The vault, with key files beside it."""
    (place / "digits.txt").write_text(" ".join(KEY.hex()[at : at + 4] for at in range(0, 64, 4)))
    (place / "key").write_bytes(SERVER.file())
    return vault


def listed(keys: Wafs) -> dict[str, dict[str, object]]:
    lines = keys.do("whatsapp", "key", "list", "v", "--json").lines()
    return {found["label"]: found for found in map(json.loads, lines)}


def test_keys_are_added_listed_and_removed(keys: Wafs, place: Path) -> None:
    assert "keeps no keys" in keys.do("whatsapp", "key", "list", "v").err
    keys.do("whatsapp", "key", "add", "v", "--key-file", "digits.txt", "--label", "phone", "--from", "2021-10-31")
    keys.do("whatsapp", "key", "add", "v", "--key-file", "key", "--until", "2021-10-30")
    found = listed(keys)
    assert sorted(found) == [label for label in sorted(found) if label == "phone" or label.startswith("key-file ")]
    assert {name: found["phone"][name] for name in ("kind", "from", "until", "opens")} == {
        "kind": "64-digit",
        "from": "2021-10-31",
        "until": None,
        "opens": [],
    }
    keys.do("whatsapp", "key", "remove", "--yes", "v", "phone")
    assert "phone" not in listed(keys)
    result = keys.unlocked("whatsapp", "key", "remove", "--yes", "v", "phone")
    assert (result.code, "no key with the label phone" in result.err) == (1, True)


def test_the_list_says_what_opens(keys: Wafs, place: Path) -> None:
    nonce = encrypted.nonce_of("list")
    folder = place / "in/Databases"
    folder.mkdir(parents=True)
    (folder / "a.db.crypt15").write_bytes(encrypted.crypt15(PLAIN, KEY, nonce=nonce))
    (folder / "b.db.crypt14").write_bytes(encrypted.crypt14(PLAIN, SERVER, nonce=nonce))
    (folder / "c.db.crypt15").write_bytes(encrypted.crypt15(PLAIN, encrypted.root_key("other"), nonce=nonce))
    (folder / "d.db.crypt15").write_bytes(b"none")
    keys.do("put", "v", "in/Databases", "/")
    keys.do("whatsapp", "key", "add", "v", "--key-file", "digits.txt", "--label", "phone")
    keys.do("whatsapp", "key", "add", "v", "--key-file", "key", "--label", "old")
    assert {label: found["opens"] for label, found in listed(keys).items()} == {
        "phone": ["/Databases/a.db.crypt15"],
        "old": ["/Databases/b.db.crypt14"],
    }
    result = keys.do("whatsapp", "key", "list", "v")
    assert "    /Databases/a.db.crypt15" in result.lines()
    assert "2 encrypted backups in the vault for which there is no key" in result.err


def test_a_key_is_never_shown_but_by_show(keys: Wafs) -> None:
    keys.do("whatsapp", "key", "add", "v", "--key-file", "digits.txt", "--label", "phone")
    for words in (("list", "v"), ("list", "v", "--json")):
        result = keys.do("whatsapp", "key", *words)
        shown = result.out.decode() + result.err
        assert KEY.hex()[:8] not in shown.replace(" ", "")
    assert KEY not in Path("v/wafs.keys").read_bytes()
    refused = keys.unlocked("whatsapp", "key", "show", "v", "phone")
    assert (refused.code, refused.out, "to a terminal only" in refused.err) == (2, b"", True)
    forced = keys.do("whatsapp", "key", "show", "--force", "v", "phone")
    assert forced.out.decode().replace(" ", "").strip() == KEY.hex()
    assert "warning" in forced.err


def test_what_show_prints_can_be_read_again(keys: Wafs, place: Path) -> None:
    keys.do("whatsapp", "key", "add", "v", "--key-file", "key", "--label", "old")
    (place / "printed").write_bytes(keys.do("whatsapp", "key", "show", "--force", "v", "old").out)
    keys.do("whatsapp", "key", "remove", "-y", "v", "old")
    keys.do("whatsapp", "key", "add", "v", "--key-file", "printed", "--label", "again")
    assert listed(keys)["again"]["kind"] == "key-file"


def test_the_same_key_or_label_is_refused(keys: Wafs) -> None:
    keys.do("whatsapp", "key", "add", "v", "--key-file", "digits.txt", "--label", "phone")
    for words, said in (
        (("--key-file", "digits.txt", "--label", "again"), "this key already, as phone"),
        (("--key-file", "key", "--label", "phone"), "another key with the label phone"),
    ):
        result = keys.unlocked("whatsapp", "key", "add", "v", *words)
        assert (result.code, said in result.err) == (1, True), result.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--key-file", "pw"), 1, "hexadecimal digits only"),
        (("--key-file", "none"), 7, "none: no such file"),
        (("--key-file", "key", "--label", ""), 2, "a label has"),
        (("--key-file", "key", "--label", "a\nb"), 2, "a label has"),
        (("--key-file", "key", "--from", "yesterday"), 2, "is not a date"),
        (("--key-file", "key", "--from", "2022-01-01", "--until", "2021-12-31"), 2, "is after"),
    ],
)
def test_what_is_no_key_is_refused(keys: Wafs, words: tuple[str, ...], code: int, said: str) -> None:
    result = keys.unlocked("whatsapp", "key", "add", "v", *words)
    assert (result.code, said in result.err) == (code, True), result.err
    assert PASSWORD.decode() not in result.err
    assert not Path("v/wafs.keys").exists()


def test_a_key_comes_from_standard_input_behind_the_password(keys: Wafs, place: Path) -> None:
    words = ("whatsapp", "key", "add", "v", "--password-file", "-", "--key-file", "-", "--label", "piped")
    result = spawn(*words, stdin=PASSWORD + b"\n" + KEY.hex().encode() + b"\n", cwd=place)
    assert result.code == 0, result.err
    assert list(listed(keys)) == ["piped"]


def test_a_damaged_key_store_is_told_and_kept(keys: Wafs) -> None:
    keys.do("whatsapp", "key", "add", "v", "--key-file", "digits.txt", "--label", "phone")
    path = Path("v/wafs.keys")
    path.write_bytes(path.read_bytes()[:-1])
    for words in (("list", "v"), ("add", "v", "--key-file", "key")):
        assert keys.unlocked("whatsapp", "key", *words).code == 5
    check = keys.unlocked("check", "v")
    assert (check.code, "the keys that the vault keeps do not open" in check.out.decode()) == (5, True)
    assert path.stat().st_size == 4153


def test_a_person_types_the_digits_unseen_and_confirms_a_removal(keys: Wafs, place: Path) -> None:
    env = {**environment(), "NO_COLOR": "1"}
    line = command("whatsapp", "key", "add", "v", *WITH_PASSWORD, "--label", "typed")
    shell = pexpect.spawn(line[0], line[1:], env=env, encoding="utf-8", timeout=30, cwd=os.fspath(place))
    shell.expect_exact("64-digit key: ")
    shell.waitnoecho()
    shell.sendline(KEY.hex().upper())
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 0
    assert KEY.hex()[:8].upper() not in str(shell.before).upper()
    line = command("whatsapp", "key", "remove", "v", *WITH_PASSWORD, "typed")
    for answer, code in (("n", 1), ("y", 0)):
        shell = pexpect.spawn(line[0], line[1:], env=env, encoding="utf-8", timeout=30, cwd=os.fspath(place))
        shell.expect_exact("[y/N] ")
        shell.sendline(answer)
        shell.expect(pexpect.EOF)
        shell.close()
        assert shell.exitstatus == code
    assert listed(keys) == {}
