"""`wafs init`, `wafs passwd` and the recovery key."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from cli.commands import Wafs
from wafs.cli.recovery_file import new_recovery_file
from wafs.errors import ExistsError, UsageError
from wafs.format.recovery_text import parse_recovery_key

INIT = ("init", "v", "--password-file", "pw", "--kdf-memory", "8")


def test_the_recovery_key_is_printed_as_a_recovery_file(wafs: Wafs, place: Path) -> None:
    printed = wafs.ok(*INIT).out
    (place / "key").write_bytes(printed)
    assert len(parse_recovery_key(printed.decode())) == 32
    wafs.ok("put", "v", "pw", "/", "--recovery-file", "key")
    assert wafs.ok("ls", "v", "--recovery-file", "key").out == b"pw\n"
    assert wafs.cat("pw") == (place / "pw").read_bytes()


def test_a_recovery_file_is_private_and_names_its_vault(wafs: Wafs, place: Path) -> None:
    result = wafs.ok(*INIT, "--recovery-file", "key")
    assert result.out == b""
    text = (place / "key").read_text()
    assert stat.S_IMODE((place / "key").stat().st_mode) == 0o600
    found = re.search("Vault id: ([0-9a-f]{32})", text)
    assert found is not None
    assert found[1] in wafs.ok("info", "v").out.decode()
    assert wafs.ok("ls", "v", "--recovery-file", "key").out == b""


def test_a_typing_mistake_in_the_recovery_key_is_named(wafs: Wafs, place: Path) -> None:
    wafs.ok(*INIT, "--recovery-file", "key")
    rows = [line for line in (place / "key").read_text().splitlines() if line and not line.startswith("#")]
    wrong = "0" if rows[2][0] != "0" else "1"
    (place / "key").write_text("\n".join([*rows[:2], wrong + rows[2][1:], rows[3]]))
    result = wafs("ls", "v", "--recovery-file", "key")
    assert result.code == 1
    assert "row 3 of the recovery key has a typing mistake" in result.err


def test_an_existing_recovery_file_stays_and_no_vault_is_made(wafs: Wafs, place: Path) -> None:
    (place / "key").write_text("precious")
    result = wafs(*INIT, "--recovery-file", "key")
    assert result.code == 1
    assert "not overwritten" in result.err
    assert (place / "key").read_text() == "precious"
    assert not (place / "v").exists()


def test_no_recovery_file_is_left_of_an_init_that_fails(wafs: Wafs, place: Path) -> None:
    result = wafs("init", "no/such/v", "--password-file", "pw", "--kdf-memory", "8", "--recovery-file", "key")
    assert result.code == 7
    assert not (place / "key").exists()


def test_a_recovery_file_inside_the_vault_is_refused(place: Path) -> None:
    with pytest.raises(UsageError, match="inside the vault"), new_recovery_file("v/key", bytes(32), vault="v"):
        pytest.fail("it was made")
    assert not (place / "v").exists()


def test_a_recovery_file_is_never_overwritten(place: Path) -> None:
    (place / "key").symlink_to("pw")
    before = (place / "pw").read_bytes()
    with pytest.raises(ExistsError), new_recovery_file("key", bytes(32), vault="v"):
        pytest.fail("it was made")
    assert (place / "pw").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--recovery-file", "k", "--no-recovery"), 2, "only one"),
        (("--password-command", "echo x"), 2, "only one"),
        (("--chunk-size", "5"), 2, "is not one of"),
        (("--kdf-memory", "7"), 2, "not in the range"),
        (("--password-file", "nope"), 7, "nope: no such file"),
    ],
)
def test_what_makes_no_sense_makes_no_vault(
    wafs: Wafs, place: Path, words: tuple[str, ...], code: int, said: str
) -> None:
    result = wafs(*INIT, *words)
    assert result.code == code
    assert said in result.err
    assert not (place / "v").exists()


def test_a_vault_is_not_made_over_something(vault: Wafs, place: Path) -> None:
    again = vault(*INIT)
    assert (again.code, "is a vault already" in again.err) == (1, True)
    (place / "full").mkdir()
    (place / "full/file").touch()
    into = vault("init", "full", "--password-file", "pw", "--kdf-memory", "8")
    assert (into.code, "not empty" in into.err) == (1, True)
    assert os.listdir(place / "full") == ["file"]
    over = vault("init", "pw", "--password-file", "pw", "--kdf-memory", "8")
    assert (over.code, "not a folder" in over.err) == (1, True)


def test_the_options_reach_the_header(wafs: Wafs) -> None:
    wafs.ok(*INIT, "--chunk-size", "64", "--no-recovery")
    shown = wafs.ok("info", "v").out.decode()
    assert "chunk size  64.0 KiB" in shown
    assert "key slot 1  password, Argon2id with 8.0 MiB, 3 passes, 4 lanes" in shown
    assert "key slot 2" not in shown


def test_a_weak_password_from_a_file_is_warned_about_and_taken(wafs: Wafs, place: Path) -> None:
    (place / "pw").write_text("12345\n")
    result = wafs.ok(*INIT, "--no-recovery")
    assert "warning: weak password, 0 of 4: offline guessing takes" in result.err


def test_passwd_with_the_old_password(vault: Wafs, place: Path) -> None:
    (place / "new").write_text("quite another password\n")
    result = vault.do("passwd", "v", "--new-password-file", "new")
    assert "still opens with the old password" in result.err
    assert "recovery key" not in result.err
    assert vault.unlocked("ls", "v").code == 3
    assert vault("ls", "v", "--password-file", "new").code == 0


def test_passwd_with_the_recovery_key(wafs: Wafs, place: Path) -> None:
    wafs.ok(*INIT, "--recovery-file", "key")
    result = wafs.ok("passwd", "v", "--recovery-file", "key", "--new-password-command", "echo quite another")
    assert "the recovery key did not change" in result.err
    assert wafs.unlocked("ls", "v").code == 3
    assert wafs("ls", "v", "--password-command", "echo quite another").code == 0
    assert wafs("ls", "v", "--recovery-file", "key").code == 0


def test_passwd_with_a_wrong_password_changes_nothing(vault: Wafs, place: Path) -> None:
    before = (place / "v/wafs.vault").read_bytes()
    result = vault("passwd", "v", "--password-command", "echo wrong", "--new-password-command", "echo new")
    assert result.code == 3
    assert (place / "v/wafs.vault").read_bytes() == before
    assert vault("passwd", "v", *("--new-password-file", "a", "--new-password-command", "b")).code == 2
