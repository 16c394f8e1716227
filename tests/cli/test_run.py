"""The command line of `wafs run`: where its options end, and what is refused before anything is mounted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click
import pytest

from wafs.cli.cmd_run import run
from wafs.cli.run_place import RunPlace

if TYPE_CHECKING:
    from pathlib import Path

    from cli.commands import Wafs


def parsed(*words: str) -> dict[str, Any]:
    with click.Context(run) as context:
        run.parse_args(context, list(words))
        return context.params


@pytest.mark.parametrize(
    "words",
    [
        ("v", "ls", "-l"),
        ("v", "--", "ls", "-l"),
        ("-o", "out", "v", "ls", "-l"),
        ("v", "-o", "out", "ls", "-l"),
        ("v", "-o", "out", "--force", "--", "ls", "-l"),
        ("v", "--out=out", "ls", "-l"),
        ("v", "-oout", "ls", "-l"),
        ("v", "--password-file", "-", "ls", "-l"),
    ],
)
def test_what_follows_the_command_is_its_own(words: tuple[str, ...]) -> None:
    found = parsed(*words)
    assert (found["vault"], found["words"]) == ("v", ("ls", "-l"))
    assert found["out"] == ("out" if "out" in "".join(words) else None)


def test_options_of_the_command_that_look_like_ours() -> None:
    assert parsed("v", "sort", "-o", "x", "--help", "--", "y")["words"] == ("sort", "-o", "x", "--help", "--", "y")


@pytest.mark.parametrize("words", [(), ("v",), ("v", "--"), ("v", "-o"), ("v", "--nonsense", "ls")])
def test_what_makes_no_sense_is_refused(wafs: Wafs, words: tuple[str, ...]) -> None:
    assert wafs("run", *words).code == 2


def test_a_command_that_is_nowhere_is_told_before_the_password_is_asked(vault: Wafs) -> None:
    result = vault("run", "v", "no-such-command", "--password-file", "nowhere")
    assert (result.code, result.out, result.err) == (127, b"", "wafs: error: no-such-command: command not found\n")


def test_a_folder_that_is_no_vault_is_told_first(wafs: Wafs, place: Path) -> None:
    (place / "folder").mkdir()
    assert wafs("run", "folder", "no-such-command").code == 4


@pytest.mark.parametrize(
    ("out", "code", "said"),
    [
        ("full", 1, "full is not empty"),
        ("pw", 1, "pw is not a folder"),
        ("v/out", 2, "v/out lies inside the vault"),
        ("no/out", 1, "there is no folder "),
    ],
)
def test_a_place_that_does_not_do_is_told_before_the_password_is_asked(
    vault: Wafs, place: Path, out: str, code: int, said: str
) -> None:
    (place / "full").mkdir()
    (place / "full" / "x").touch()
    result = vault("run", "v", "-o", out, "true")
    assert result.code == code
    assert result.err.startswith(f"wafs: error: {said}")
    result = vault("run", "v", "-o", out, "--keep-in", "/x", "true")
    assert (result.code, "only one of" in result.err) == (2, True)


def test_everything_temporary_is_in_the_mount(tmp_path: Path) -> None:
    place = RunPlace(str(tmp_path))
    place.make()
    before = {"PATH": "/bin", "HOME": "/home", "TMPDIR": "/tmp", "PWD": "/here", "XAUTHORITY": "/x"}
    found = place.environment(before, str(tmp_path), own_home=False)
    inside = {name for name, value in found.items() if value.startswith(f"{place.folder}/")}
    assert inside == {
        *("TMPDIR", "TMP", "TEMP", "TEMPDIR", "SQLITE_TMPDIR", "HOME"),
        *("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"),
    }
    assert all(os.path.isdir(found[name]) for name in inside)
    assert (found["PATH"], found["PWD"], found["OLDPWD"], found["XAUTHORITY"]) == ("/bin", str(tmp_path), "/here", "/x")
    own = place.environment(before, str(tmp_path), own_home=True)
    assert (own["HOME"], own["TMPDIR"]) == ("/home", found["TMPDIR"])
    assert "XDG_CACHE_HOME" not in own
