"""Passwords and recovery keys from files, commands and standard input."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from wafs.cli.secret_input import password_of, read_password_command, read_password_file, read_recovery_file
from wafs.cli.unlock_options import SecretSource
from wafs.errors import SecretInputError, UsageError
from wafs.format.recovery_text import format_recovery_key


class Stdin:
    def __init__(self, data: bytes) -> None:
        self.buffer = io.BytesIO(data)

    def isatty(self) -> bool:
        return False


@pytest.mark.parametrize(
    ("line", "password"),
    [
        (b"secret", b"secret"),
        (b"secret\n", b"secret"),
        (b"secret\r\n", b"secret"),
        (b"secret\r", b"secret\r"),
        (b"secret\r\r\n", b"secret\r"),
        (b" two words \n", b" two words "),
        (b"\t\n", b"\t"),
        ("u\u0308\n".encode(), "\u00fc".encode()),
        ("\u00fc\n".encode(), "\u00fc".encode()),
        ("\ufb01".encode(), "\ufb01".encode()),
        (b"x" * 1024 + b"\n", b"x" * 1024),
    ],
)
def test_a_line_becomes_a_password(line: bytes, password: bytes) -> None:
    assert password_of(line, "here") == password


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "empty"),
        (b"\n", "empty"),
        (b"\r\n", "empty"),
        (b"\xff\xfe\n", "not UTF-8"),
        (b"x" * 1025, "longer than 1024"),
        ("\u00e4".encode() * 513, "longer than 1024"),
    ],
)
def test_a_line_that_is_no_password(line: bytes, words: str) -> None:
    with pytest.raises(SecretInputError, match=f"from here .*{words}"):
        password_of(line, "here")


def test_only_the_first_line_of_a_file_counts(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_bytes(b"first\r\nsecond\n")
    assert read_password_file(str(file)) == b"first"


def test_standard_input_is_read_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Stdin(b"old\nnew\n"))
    assert [read_password_file("-"), read_password_file("-")] == [b"old", b"new"]


def test_a_command_is_split_into_words_and_not_given_to_a_shell() -> None:
    assert read_password_command("printf '%s\\nrest' 'two words; $HOME'") == b"two words; $HOME"


@pytest.mark.parametrize(
    ("line", "words"),
    [("false", "exit code 1"), ("no-such-program-of-ours", "cannot be run"), ("true", "empty")],
)
def test_a_command_that_fails(line: str, words: str) -> None:
    with pytest.raises(SecretInputError, match=words):
        read_password_command(line)


@pytest.mark.parametrize("line", ["", "  ", "echo 'open"])
def test_a_command_that_is_none(line: str) -> None:
    with pytest.raises(UsageError):
        read_password_command(line)


def test_a_recovery_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    key = bytes(range(32))
    file.write_text(f"# words\n\n{format_recovery_key(key)}\n")
    assert read_recovery_file(str(file)) == key


@pytest.mark.parametrize(("text", "words"), [(b"\xff", "not text"), (b"12 34", "4 digits"), (b"xyz", "character")])
def test_a_recovery_file_that_is_none(tmp_path: Path, text: bytes, words: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(text)
    with pytest.raises(SecretInputError, match=words):
        read_recovery_file(str(file))


def test_a_source_answers_for_its_own_slot_type_only(tmp_path: Path) -> None:
    file = tmp_path / "pw"
    file.write_bytes(b"secret\n")
    source = SecretSource(password_file=str(file))
    assert (source.get_secret("password"), source.get_secret("recovery")) == (b"secret", None)
    file.write_text(format_recovery_key(bytes(32)))
    source = SecretSource(recovery_file=str(file))
    assert (source.get_secret("password"), source.get_secret("recovery")) == (None, bytes(32))
    source = SecretSource(password_command="echo secret")
    assert (source.get_secret("password"), source.get_secret("recovery")) == (b"secret", None)


def test_there_is_one_source() -> None:
    with pytest.raises(UsageError, match="only one"):
        SecretSource(password_file="a", recovery_file="b")
