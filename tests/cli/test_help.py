"""Every command has help with examples, the examples work as they stand, and docs/cli.md says the same as the help."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import click
import pexpect
import pytest

import docs_cli
from cli.commands import PASSWORD, Wafs, environment
from conftest import why_no_mounts
from sample_backup import encrypted
from sample_backup.android import write_android
from sample_backup.plan import Options, make_plan
from wafs.cli.help_texts import Command, CommandFolder, commands_below
from wafs.cli.program import program

PROMISED = ["init", "mount", "umount", "status", "ls", "cat", "get", "put", "rm", "info", "passwd"]
PLACED = list(commands_below(program))
COMMANDS = [(" ".join(words), command) for words, command in PLACED if isinstance(command, Command)]
FOLDERS = [(" ".join(words), command) for words, command in PLACED if isinstance(command, CommandFolder)]
EXAMPLES = [(name, example.line) for name, command in COMMANDS for example in command.examples]
NEEDS_MOUNT = {"mount", "umount", "why"}
MOUNTS_ITSELF = {"run", "export"}


def test_every_promised_command_is_there() -> None:
    assert set(PROMISED) <= set(program.commands)
    assert len(COMMANDS) + len(FOLDERS) == len(PLACED)


@pytest.mark.parametrize(("name", "command"), COMMANDS, ids=[name for name, _ in COMMANDS])
def test_every_command_and_option_explains_itself(wafs: Wafs, name: str, command: Command) -> None:
    shown = wafs.ok(*name.split(), "--help").out.decode()
    assert wafs.ok(*name.split(), "-h").out.decode() == shown
    assert shown.startswith(f"Usage: wafs {name} ")
    assert command.help
    assert len(command.examples) >= 1
    assert all(example.line in shown and f"wafs {name}" in example.line for example in command.examples)
    options = [param for param in command.params if isinstance(param, click.Option)]
    assert [option.name for option in options if not option.help] == []
    # A short help that is cut off helps nobody.
    assert not command.get_short_help_str(60).endswith("...")


@pytest.mark.parametrize(("name", "folder"), FOLDERS, ids=[name for name, _ in FOLDERS])
def test_every_folder_of_commands_shows_them(wafs: Wafs, name: str, folder: CommandFolder) -> None:
    shown = wafs.ok(*name.split(), "--help").out.decode()
    assert [below for below in folder.commands if f"\n  {below} " not in shown] == []
    assert not folder.get_short_help_str(60).endswith("...")
    bare = wafs(*name.split())
    assert (bare.code, bare.out, f"Usage: wafs {name}" in bare.err) == (2, b"", True)


def test_the_top_shows_all_commands_and_exit_codes(wafs: Wafs) -> None:
    shown = wafs.ok("--help").out.decode()
    assert [name for name in program.commands if f"\n  {name} " not in shown] == []
    assert "130  interrupted" in shown
    assert wafs.ok("--version").out.split()[0] == b"wafs"
    bare = wafs()
    assert (bare.code, bare.out, "Usage: wafs" in bare.err) == (2, b"", True)


def test_the_document_is_up_to_date() -> None:
    assert docs_cli.TARGET.read_text("utf-8") == docs_cli.document(), "run scripts/docs_cli.py"


@pytest.mark.parametrize("words", [("frob",), ("ls",), ("ls", "--frob", "v"), ("init", "v", "--kdf-memory", "x")])
def test_what_makes_no_sense_points_to_the_help(wafs: Wafs, words: tuple[str, ...]) -> None:
    result = wafs(*words)
    assert (result.code, result.out) == (2, b"")
    assert result.err.startswith("wafs: error: ")
    assert "--help\n" in result.err


HEAVY = {"cryptography", "rich", "zxcvbn", "wafs.fuse", "wafs.fs", "socket"}


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (["--help"], set()),
        (["put", "--help"], set()),
        (["info", "v"], {"cryptography"}),
        (["ls", "v", "--password-file", "pw"], {"cryptography", "wafs.fs"}),
        (["status", "--json"], {"wafs.fuse"}),
    ],
)
def test_a_command_loads_what_it_needs_and_starts_fast(vault: Wafs, words: list[str], needed: set[str]) -> None:
    code = "import sys; from wafs.cli.main import run; code = run(sys.argv[1:]); print(*sys.modules); sys.exit(code)"
    line = [sys.executable, "-c", code, *words]
    # A measurement of coverage would load modules of its own.
    unmeasured = {key: value for key, value in environment().items() if key != "COVERAGE_PROCESS_CONFIG"}
    done = subprocess.run(line, check=True, capture_output=True, text=True, env=unmeasured)
    assert HEAVY & set(done.stdout.splitlines()[-1].split()) <= needed


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(wafs: Wafs, shell: str) -> None:
    assert f"_WAFS_COMPLETE={shell}_complete" in wafs.ok("completion", shell).out.decode()


def test_the_completion_script_is_a_script(wafs: Wafs) -> None:
    subprocess.run(["bash", "-n"], input=wafs.ok("completion", "bash").out, check=True)


@pytest.mark.parametrize(
    ("typed", "completed"), [("wafs um", "umount"), ("wafs whatsapp de", "decrypt"), ("wafs whatsapp key sh", "show")]
)
def test_bash_gets_commands_completed(place: Path, typed: str, completed: str) -> None:
    last = str(len(typed.split()) - 1)
    asked = {"_WAFS_COMPLETE": "bash_complete", "COMP_WORDS": typed, "COMP_CWORD": last}
    line = [sys.executable, "-m", "wafs"]
    done = subprocess.run(line, check=False, capture_output=True, env={**environment(), **asked})
    assert done.stdout == f"plain,{completed}\n".encode()


@pytest.fixture
def world(vault: Wafs, place: Path) -> Path:
    """A home in which the examples of the help texts make sense; the vault is in `vault`, its password in `secret`."""
    os.rename("v", "vault")
    os.rename("pw", "secret")
    folders = (
        "in/Databases",
        "in/Media",
        "in/2019",
        "in/2020",
        "in/WhatsApp",
        "in/papers",
        "usb",
        "Drive",
        "backup",
        "bin",
    )
    for folder in (*folders, ".config/fish/completions", "WhatsApp/Media"):
        (place / folder).mkdir(parents=True)
    for file in (
        "in/Databases/msgstore.db",
        "in/notes.txt",
        "in/a.jpg",
        "in/b.jpg",
        "in/2019/x",
        "notes.txt",
        "photo.jpg",
    ):
        (place / file).write_text(file)
    (place / "WhatsApp/Media/x.jpg").write_text("x")
    phone, server, nonce = encrypted.root_key("phone"), encrypted.server_key("phone"), encrypted.nonce_of("help")
    backup = encrypted.crypt15(b"SQLite format 3\0" * 9, phone, nonce=nonce)
    for file, data in (
        ("encrypted_backup.key", encrypted.root_key_file(encrypted.root_key("another phone"))),
        ("key", server.file()),
        ("msgstore.db.crypt15", backup),
        ("in/Databases/msgstore.db.crypt15", backup),
        ("msgstore.db.crypt14", encrypted.crypt14(b"SQLite format 3\0" * 9, server, nonce=nonce)),
    ):
        (place / file).write_bytes(data)
    media = encrypted.mcrypt1(b"a picture", "Media/a.jpg", phone)
    (place / "cloud").mkdir()
    (place / "cloud" / media.name).write_bytes(media.data)
    (place / "cloud" / f"{media.name}-metadata").write_text(media.metadata)
    (place / "phone").mkdir()
    (place / "phone/msgstore.db").write_bytes(b"")  # SQLite takes it for an empty database
    write_android(make_plan(Options(messages=20, media_files=0, media_bytes=0, contacts=2)), place / "sample")
    shutil.copy("sample/msgstore.db", "in/Databases")
    vault.ok("put", "vault", "in/.", "/", "--password-file", "secret")
    for name in ("2026-10-01", "2026-11-22"):
        vault.ok("backup", f"--snapshot={name}", "phone", "vault:/phone", "--password-file", "secret")
    (place / "old").write_bytes(PASSWORD)
    (place / "phone.txt").write_text(phone.hex())
    stored = ("--key-file", "phone.txt", "--label", "phone", "--password-file", "secret")
    vault.ok("whatsapp", "key", "add", "vault", *stored)
    (place / "new").write_text("quite another password")
    programs = {
        "wafs": f'exec {sys.executable} -m wafs "$@"',
        "pass": "cat secret",
        "jq": "exec cat",
        "less": "exec cat",
        "tool": "touch found.txt",
    }
    for name, text in programs.items():
        (place / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / "bin" / name).chmod(0o755)
    return place


def run_example(line: str) -> tuple[int | None, str]:
    """Run a line on a terminal, with a person who knows the password and ends what stays in the foreground."""
    env = {**environment(), "PATH": f"{os.getcwd()}/bin:{os.environ['PATH']}", "NO_COLOR": "1"}
    shell = pexpect.spawn("bash", ["-o", "pipefail", "-c", line], env=env, encoding="utf-8", timeout=60)
    shown = ""
    while True:
        which = shell.expect_exact(["assword: ", "The same again: ", "wafs: mounted", pexpect.EOF, "64-digit key: "])
        shown += str(shell.before)
        if which == 3:
            shell.close()
            return shell.exitstatus, shown
        if which == 4:
            shell.waitnoecho()
            # A key that the vault has not is added; a backup is opened by that of its phone.
            shell.sendline(encrypted.root_key("third phone" if " add " in line else "phone").hex())
            continue
        if which == 2:
            shell.kill(signal.SIGINT)
        else:
            shell.waitnoecho()
            shell.sendline(PASSWORD.decode())


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    [line for name, line in EXAMPLES if name not in NEEDS_MOUNT | MOUNTS_ITSELF and "recovery.txt" not in line.split()],
)
def test_an_example_works(world: Path, line: str) -> None:
    code, shown = run_example(line)
    assert code == 0, shown
    assert "error" not in shown


@pytest.mark.slow
def test_the_example_with_the_recovery_key_works(wafs: Wafs, world: Path) -> None:
    shutil.rmtree("vault")
    wafs.ok("init", "vault", "--password-file", "secret", "--kdf-memory", "8", "--recovery-file", "recovery.txt")
    lines = [line for _, line in EXAMPLES if "recovery.txt" in line.split()]
    assert lines
    for line in lines:
        assert run_example(line)[0] == 0


@pytest.mark.slow
@pytest.mark.mount
@pytest.mark.parametrize(("name", "line"), [(name, line) for name, line in EXAMPLES if name in MOUNTS_ITSELF])
def test_an_example_that_mounts_for_itself_works(wafs: Wafs, world: Path, name: str, line: str) -> None:
    assert why_no_mounts() is None
    if name == "export" and not (Path(sys.executable).parent / "wtsexporter").exists():
        pytest.skip("whatsapp-chat-exporter is not installed")
    # One of the backups is enough for the exporter.
    wafs.ok("rm", "-r", "vault", "/phone", "--password-file", "secret")
    code, shown = run_example(line)
    assert code == 0, shown
    assert "error" not in shown


@pytest.mark.slow
@pytest.mark.mount
@pytest.mark.parametrize("line", [line for name, line in EXAMPLES if name in NEEDS_MOUNT])
def test_an_example_that_mounts_works(wafs: Wafs, world: Path, line: str) -> None:
    assert why_no_mounts() is None
    (world / "backup").rmdir()
    (world / "backup").mkdir()
    if " mount " not in line:
        wafs.ok("mount", "vault", "backup", "--password-file", "secret")
    try:
        code, shown = run_example(line)
        assert code == 0, shown
    finally:
        if os.path.ismount("backup"):
            wafs.ok("umount", "backup")
    assert os.listdir("backup") == []
