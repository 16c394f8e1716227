"""`wafs get` and `wafs cat`: verified, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from cli.commands import Wafs
from cli.local_tree import facts_of


@pytest.fixture
def filled(vault: Wafs, place: Path) -> Wafs:
    (place / "src/sub").mkdir(parents=True)
    (place / "src/a").write_bytes(b"alpha")
    (place / "src/big").write_bytes(os.urandom(3_000_000))
    (place / "src/sub/b").write_bytes(b"beta")
    (place / "src/link").symlink_to("sub/b")
    vault.do("put", "v", "src/.", "/")
    return vault


def cipher_file(size: int) -> Path:
    """The ciphertext file of the one plain file with this size, of chunks of 16 KiB."""
    sealed = 256 + size + 28 * -(-size // 16384)
    found = [path for path in Path("v/tree").rglob("*.wafs") if path.is_file() and path.stat().st_size == sealed]
    assert len(found) == 1
    return found[0]


def flip(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)[0]
        file.seek(offset)
        file.write(bytes([byte ^ 1]))


def test_everything_comes_back(filled: Wafs, place: Path) -> None:
    os.utime("src/sub", ns=(0, 7))
    filled.do("put", "v", "src/sub", "/")
    filled.do("get", "v", "/", "out")
    assert facts_of(place / "out") == facts_of(place / "src")


def test_into_a_folder_or_under_a_name(filled: Wafs, place: Path) -> None:
    (place / "out").mkdir()
    filled.do("get", "v", "a", "out")
    filled.do("get", "v", "/sub", "out/new")
    filled.do("get", "v", "sub/", "/a", "link", "out")
    assert sorted(os.listdir("out")) == ["a", "link", "new", "sub"]
    assert os.listdir("out/new") == os.listdir("out/sub") == ["b"]
    assert os.readlink("out/link") == "sub/b"


def test_what_cp_refuses_is_refused(filled: Wafs, place: Path) -> None:
    for words, code, said in [
        (("nope", "out"), 1, "nope: no such file"),
        (("a", "no/such/out"), 1, "there is no folder no/such"),
        (("a", "out/"), 1, "there is no folder"),
        (("a", "link", "pw"), 1, "not a folder, several files need one"),
        (("a", "v/tree"), 2, "inside the vault"),
        (("a", "v/tree/x"), 2, "inside the vault"),
    ]:
        result = filled.unlocked("get", "v", *words)
        assert result.code == code, words
        assert said in result.err
    (place / "out/a").mkdir(parents=True)
    (place / "out/sub").touch()
    result = filled.unlocked("get", "v", "a", "sub", "out")
    assert result.code == 1
    assert "a file cannot replace the folder out/a" in result.err.replace(os.fspath(place) + "/", "")
    assert "a folder cannot replace the file out/sub" in result.err.replace(os.fspath(place) + "/", "")


def test_a_file_that_is_there_is_replaced_and_a_link_is_not_written_through(filled: Wafs, place: Path) -> None:
    (place / "outside").write_text("untouched")
    (place / "out").mkdir()
    (place / "out/a").symlink_to("../outside")
    filled.do("get", "v", "a", "out")
    assert (place / "outside").read_text() == "untouched"
    assert (place / "out/a").read_bytes() == b"alpha"
    assert not (place / "out/a").is_symlink()


def test_a_damaged_file_is_left_out_and_the_others_come(filled: Wafs, place: Path) -> None:
    flip(cipher_file(3_000_000), 2_500_000)
    (place / "out").mkdir()
    (place / "out/big").write_text("old")
    result = filled.unlocked("get", "v", "/", "out")
    assert result.code == 5
    assert "/big: chunk 152 does not verify" in result.err
    assert sorted(os.listdir("out")) == ["a", "big", "link", "sub"]
    assert (place / "out/big").read_text() == "old"


def test_cat_of_a_damaged_file_ends_before_the_damage(filled: Wafs, place: Path) -> None:
    flip(cipher_file(3_000_000), 2_500_000)
    result = filled.unlocked("cat", "v", "big", "a")
    assert result.code == 5
    plain = (place / "src/big").read_bytes()
    assert result.out == plain[: 2 << 20] + b"alpha"


def test_cat_follows_symlinks_inside_the_vault(filled: Wafs, place: Path) -> None:
    assert filled.do("cat", "v", "link", "/a", "./sub/../sub/b").out == b"betaalphabeta"
    (place / "out").symlink_to("../pw")
    filled.do("put", "v", "out", "/")
    assert filled.unlocked("cat", "v", "out").code == 1


@pytest.mark.parametrize(
    ("path", "said"),
    [("/", "is a directory"), ("sub", "is a directory"), ("a/", "not a folder"), ("x", "no such file")],
)
def test_cat_of_what_is_no_file(filled: Wafs, path: str, said: str) -> None:
    result = filled.unlocked("cat", "v", path)
    assert (result.code, result.out) == (1, b"")
    assert f"error: {path}: " in result.err
    assert said in result.err


def test_modes_that_forbid_writing_are_set_last(filled: Wafs, place: Path) -> None:
    os.chmod("src/sub/b", 0o400)
    os.chmod("src/sub", 0o555)
    filled.do("put", "v", "src/sub", "/")
    filled.do("get", "v", "sub", "out")
    assert stat.S_IMODE(os.stat("out").st_mode) == 0o555
    assert stat.S_IMODE(os.stat("out/b").st_mode) == 0o400
    for folder in ("src/sub", "out"):
        os.chmod(folder, 0o755)
