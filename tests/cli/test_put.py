"""`wafs put`: as cp -a, atomic per file."""

from __future__ import annotations

import json
import os
import socket
import stat
from pathlib import Path

import pytest

from cli.commands import Wafs


def entry(vault: Wafs, path: str) -> dict[str, object]:
    """What `wafs ls --json` says about one entry, by its path."""
    folder, name = os.path.split(path)
    for line in vault.do("ls", "--json", "v", folder or "/").lines():
        found: dict[str, object] = json.loads(line)
        if found["path"] == name:
            return found
    raise AssertionError(path)


@pytest.fixture
def src(place: Path) -> Path:
    folder = place / "src"
    (folder / "deep/deeper").mkdir(parents=True)
    (folder / "a").write_bytes(b"alpha")
    (folder / "deep/b").write_bytes(os.urandom(100_000))
    (folder / "deep/deeper/empty").touch()
    return folder


def test_a_file_goes_into_a_folder_or_gets_a_name(vault: Wafs, src: Path) -> None:
    vault.do("put", "v", "src/a", "/")
    vault.do("put", "v", "src/a", "b")
    vault.do("put", "v", "src/a", "/c")
    assert vault.names() == ["a", "b", "c"]
    assert [vault.cat(name) for name in "abc"] == [b"alpha"] * 3


def test_a_folder_goes_into_a_folder_or_gets_a_name(vault: Wafs, src: Path) -> None:
    below = ["a", "deep/", "deep/b", "deep/deeper/", "deep/deeper/empty"]
    vault.do("put", "v", "src", "/")
    vault.do("put", "v", "src/", "/new/")
    vault.do("put", "v", "src/.", "/new2")
    assert vault.names("src") == vault.names("new") == vault.names("new2") == below
    vault.do("put", "v", "src/deep", "/new2")
    vault.do("put", "v", "src/.", "/")
    assert vault.names()[:2] == ["a", "deep/"]
    assert vault.names("new2") == below
    assert vault.cat("deep/b") == (src / "deep/b").read_bytes()


def test_several_sources_need_a_folder(vault: Wafs, src: Path) -> None:
    vault.do("put", "v", "src/a", "src/deep", "pw", "/")
    assert vault.names() == ["a", "deep/", "deep/b", "deep/deeper/", "deep/deeper/empty", "pw"]
    result = vault.unlocked("put", "v", "src/a", "pw", "/nowhere")
    assert (result.code, "several sources need one" in result.err) == (1, True)


def test_what_cp_refuses_is_refused(vault: Wafs, src: Path) -> None:
    vault.do("put", "v", "src", "/")
    for words, said in [
        (("src/a", "/no/such/folder"), "/no/such/"),
        (("src/a", "/new/"), "no such folder"),
        (("src/a", "/src/a/x"), "not a directory"),
    ]:
        result = vault.unlocked("put", "v", *words)
        assert result.code == 1, words
        assert said in result.err
    os.rename("src/a", "src/old")
    os.mkdir("src/a")
    assert "a folder cannot replace the file" in vault.unlocked("put", "v", "src", "/").err
    os.rmdir("src/a")
    os.rename("src/deep", "src/kept")
    (src / "deep").touch()
    assert "a file cannot replace the folder" in vault.unlocked("put", "v", "src", "/").err
    assert vault.cat("src/a") == b"alpha"


def test_times_modes_links_and_attributes_are_kept(vault: Wafs, src: Path) -> None:
    os.symlink("a", "src/link")
    os.symlink("/no/such", "src/dangling")
    os.utime("src/link", ns=(1, 2_000_000_003), follow_symlinks=False)
    os.chmod("src/a", 0o640)
    os.chmod("src/deep", 0o750)
    os.setxattr("src/a", "user.note", b"kept")
    os.utime("src/a", ns=(1_111_111_111, 1_234_567_890_123_456_789))
    os.utime("src/deep", ns=(0, -5_000_000_001))
    vault.do("put", "v", "src", "/")
    assert entry(vault, "src/a") == {
        "path": "a",
        "type": "file",
        "size": 5,
        "mode": "0640",
        "mtime_ns": 1_234_567_890_123_456_789,
    }
    assert entry(vault, "src/link")["target"] == "a"
    assert entry(vault, "src/link")["mtime_ns"] == 2_000_000_003
    assert entry(vault, "src/dangling")["target"] == "/no/such"
    assert (entry(vault, "src/deep")["mode"], entry(vault, "src/deep")["mtime_ns"]) == ("0750", -5_000_000_001)
    vault.do("get", "v", "src", "out")
    assert os.getxattr("out/a", "user.note") == b"kept"
    assert os.stat("out/a").st_atime_ns == 1_111_111_111


def test_a_set_id_bit_is_kept_only_for_ones_own_files(vault: Wafs, place: Path) -> None:
    os.chmod("pw", 0o4755)
    vault.do("put", "v", "pw", "/mine")
    assert entry(vault, "mine")["mode"] == "4755"
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to somebody else")
    os.chown("pw", 65534, 65534)
    os.chmod("pw", 0o4755)
    vault.do("put", "v", "pw", "/theirs")
    assert entry(vault, "theirs")["mode"] == "0755"


def test_a_second_put_replaces_files_and_merges_folders(vault: Wafs, src: Path) -> None:
    vault.do("put", "v", "src", "/")
    (src / "a").write_bytes(b"new and longer")
    (src / "deep/b").unlink()
    (src / "deep/c").write_bytes(b"c")
    (src / "deep/deeper/empty").unlink()
    (src / "deep/deeper/empty").symlink_to("target")
    vault.do("put", "v", "src", "/")
    assert vault.names("src") == ["a", "deep/", "deep/b", "deep/c", "deep/deeper/", "deep/deeper/empty"]
    assert vault.cat("src/a") == b"new and longer"
    assert entry(vault, "src/deep/deeper/empty")["target"] == "target"


def test_special_files_and_the_vault_itself_are_left_out_with_a_note(vault: Wafs, place: Path) -> None:
    os.mkfifo("fifo")
    with socket.socket(socket.AF_UNIX) as unix:
        unix.bind("sock")
        result = vault.do("put", "v", ".", "/")
    assert result.err.count("note: left out, neither") == 2
    assert "note: left out, it is the vault itself: ./v" in result.err
    assert vault.names() == ["pw"]


def test_one_failure_does_not_stop_the_rest(vault: Wafs, src: Path) -> None:
    result = vault.unlocked("put", "v", "nope", "src/a", "nada", "/")
    assert result.code == 1
    assert "nope: no such file or directory" in result.err
    assert "nada: no such file or directory" in result.err
    assert vault.names() == ["a"]


def test_names_that_are_not_utf8_or_255_bytes_long(vault: Wafs, src: Path) -> None:
    names = [b"\xff\xfe", b"\x1b[2J\n", b"x" * 255, "\u00e4".encode() * 127]
    for name in names:
        with open(b"src/" + name, "wb") as file:
            file.write(name)
    vault.do("put", "v", "src/.", "/")
    for name in names:
        assert vault.do("cat", "v", b"/" + name).out == name
    assert os.listdir(b"v/tree") != []
    vault.do("get", "v", "/", "out")
    assert sorted(os.listdir(b"out")) == sorted(os.listdir(b"src"))


def test_more_files_than_are_synced_at_a_time(vault: Wafs, place: Path) -> None:
    for folder in range(3):
        os.mkdir(f"many{folder}")
        for number in range(70):
            (place / f"many{folder}/{number:02}").write_bytes(b"%d" % number * number)
        os.utime(f"many{folder}", ns=(folder, folder))
    vault.do("put", "v", "many0", "many1", "many2", "/")
    assert len(vault.names()) == 213
    assert [entry(vault, f"many{folder}")["mtime_ns"] for folder in range(3)] == [0, 1, 2]
    assert vault.cat("many2/69") == b"69" * 69


def test_a_symlink_to_a_folder_in_the_vault_is_gone_through(vault: Wafs, src: Path) -> None:
    vault.do("put", "v", "src", "/")
    os.symlink("src/deep", "way")
    vault.do("put", "v", "way", "/")
    vault.do("put", "v", "pw", "/way")
    assert "src/deep/pw" in vault.names()
    assert stat.S_ISLNK(os.lstat("way").st_mode)
    result = vault.unlocked("put", "v", "src/.", "/way/b")
    assert (result.code, "cannot replace" in result.err) == (1, True)
