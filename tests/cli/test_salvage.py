"""`wafs salvage`: everything readable of a broken vault comes out, and the report tells the rest."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wafs.check import salvage_files
from wafs.store.local import LocalStore

if TYPE_CHECKING:
    from cli.commands import Wafs

CHUNK = 16384
STRIDE = CHUNK + 28
BIG = os.urandom(5 * CHUNK + 100)
LONG = "long " * 40


@pytest.fixture
def filled(vault: Wafs, place: Path) -> Wafs:
    source = place / "src"
    (source / "sub/deep").mkdir(parents=True)
    (source / "gone").mkdir()
    (source / "a").write_bytes(b"alpha")
    (source / "big").write_bytes(BIG)
    (source / "empty").touch()
    (source / "sub/b").write_bytes(b"beta")
    (source / "sub/deep" / LONG).write_bytes(b"under a long name")
    (source / "gone/c").write_bytes(b"gamma ray")
    (source / "link").symlink_to("sub/b")
    (source / "a").chmod(0o640)
    for path in (source / "a", source / "sub", source):
        os.utime(path, ns=(1_000_000_007, 2_000_000_009))
    vault.do("put", "v", "src/.", "/")
    return vault


def cipher_file(size: int) -> Path:
    sealed = 256 + size + 28 * -(-size // CHUNK)
    found = [path for path in Path("v/tree").rglob("*") if path.is_file() and path.stat().st_size == sealed]
    assert len(found) == 1
    return found[0]


def flip(path: Path, offset: int) -> None:
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def files_in(folder: str) -> dict[str, bytes]:
    top = Path(folder)
    found = {str(path.relative_to(top)): path for path in top.rglob("*") if path.is_file() and not path.is_symlink()}
    return {name: path.read_bytes() for name, path in found.items() if name != "wafs-salvage.json"}


def report() -> dict[str, Any]:
    return dict(json.loads(Path("out/wafs-salvage.json").read_bytes()))


def items() -> list[dict[str, Any]]:
    return [{key: value for key, value in item.items() if key != "entry"} for item in report()["items"]]


def tree_state() -> dict[str, bytes]:
    return files_in("v")


def test_a_whole_vault_comes_out_as_with_get(filled: Wafs, place: Path) -> None:
    before = tree_state()
    result = filled.do("salvage", "v", "out")
    assert b"6 whole files and 3 folders saved" in result.out
    assert files_in("out") == files_in("src")
    assert os.readlink("out/link") == "sub/b"
    for name in ("a", "sub"):
        mine, theirs = Path("src", name).stat(), Path("out", name).stat()
        assert (mine.st_mode, mine.st_mtime_ns) == (theirs.st_mode, theirs.st_mtime_ns)
    told = report()
    assert told["finished"]
    assert told["stopped"] is None
    assert told["items"] == []
    size = sum(map(len, files_in("src").values()))
    assert told["counts"] == {
        "files_whole": 6,
        "files_damaged": 0,
        "files_lost": 0,
        "folders": 3,
        "symlinks": 1,
        "bytes_saved": size,
        "bytes_lost": 0,
    }
    assert tree_state() == before


def test_good_chunks_of_a_damaged_file_stay_in_place(filled: Wafs) -> None:
    path = cipher_file(len(BIG))
    flip(path, 256 + STRIDE + 40)
    flip(path, 256 + 3 * STRIDE + 40)
    result = filled.unlocked("salvage", "v", "out", "--json-report", "second.json")
    assert result.code == 5
    assert "saved in part: /big" in result.out.decode()
    assert "32,768 bytes lost: 16,384 to 32,767, and 1 more range" in result.out.decode()
    saved = bytearray(BIG)
    saved[CHUNK : 2 * CHUNK] = bytes(CHUNK)
    saved[3 * CHUNK : 4 * CHUNK] = bytes(CHUNK)
    assert files_in("out") == {**files_in("src"), "big": saved}
    gaps = [{"start": n * CHUNK, "stop": n * CHUNK + CHUNK, "why": "damaged"} for n in (1, 3)]
    assert items() == [
        {"what": "damaged", "path": "/big", "saved_as": "big", "size": len(BIG), "gaps": gaps, "problems": []}
    ]
    assert json.loads(Path("second.json").read_bytes()) == report()


def test_a_file_that_was_cut_keeps_its_size(filled: Wafs) -> None:
    os.truncate(cipher_file(len(BIG)), 256 + 2 * STRIDE + 5)
    assert filled.unlocked("salvage", "v", "out").code == 5
    assert files_in("out")["big"] == BIG[: 2 * CHUNK] + bytes(len(BIG) - 2 * CHUNK)
    assert items()[0]["gaps"] == [{"start": 2 * CHUNK, "stop": len(BIG), "why": "truncated"}]


def test_what_cannot_be_read_at_all_is_told_and_stops_nothing(filled: Wafs) -> None:
    flip(cipher_file(5), 60)
    assert filled.unlocked("salvage", "v", "out").code == 5
    expected = files_in("src")
    del expected["a"]
    assert files_in("out") == expected
    (item,) = items()
    assert (item["what"], item["path"], item["saved_as"]) == ("lost", "/a", None)


def test_names_that_are_lost_do_not_hide_a_file_that_is(filled: Wafs, place: Path) -> None:
    many = place / "many"
    many.mkdir()
    for number in range(30):
        (many / f"{number}.jpg").write_bytes(b"%d" % number)
    filled.do("put", "v", "many", "/")
    flip(cipher_file(len(BIG)), 60)
    for path in list(Path("v/tree").rglob("*.wafs")):
        if path.is_file() and path.stat().st_size in (256 + 28 + 1, 256 + 28 + 2):
            path.rename(path.with_name(("y" if path.name[0] == "x" else "x") + path.name[1:]))
    result = filled.unlocked("salvage", "v", "out")
    lines = result.lines()
    assert "1 file could not be saved: nothing of it can be read" in lines
    assert lines[2] == "  lost: /big"
    assert lines[4] == "  saved without its name: /many"
    assert sum(line.startswith("  saved without its name: wafs-lost+found/many/") for line in lines) == 4
    assert "and 26 more in the report" in lines
    assert len(items()) == 32


def test_a_lost_name_costs_no_contents(filled: Wafs) -> None:
    path = cipher_file(len(BIG))
    path.rename(path.with_name(("y" if path.name[0] == "x" else "x") + path.name[1:]))
    name = next(Path("v/tree").rglob("*.name"))
    name.unlink()
    assert filled.unlocked("salvage", "v", "out").code == 5
    found = files_in("out")
    lost = {name: data for name, data in found.items() if name.startswith("wafs-lost+found/")}
    assert sorted(lost.values()) == sorted([BIG, b"under a long name"])
    assert f"wafs-lost+found/{name.name[: -len('.name')]}" in lost
    assert {item["what"] for item in items()} == {"unnamed"}
    assert found["sub/b"] == b"beta"


def test_a_folder_that_was_moved_without_a_key_keeps_its_names(filled: Wafs) -> None:
    folder = cipher_file(9).parent
    sub = cipher_file(4).parent
    folder.rename(sub / folder.name)
    assert filled.unlocked("salvage", "v", "out").code == 5
    found = files_in("out")
    assert found["wafs-lost+found/gone/c"] == b"gamma ray"
    assert found["sub/b"] == b"beta"


def test_a_folder_without_its_name_keeps_its_files_together(filled: Wafs) -> None:
    folder = cipher_file(9).parent
    folder.rename(folder.with_name("y" * 43 + ".wafs"))
    assert filled.unlocked("salvage", "v", "out").code == 5
    below = [name for name, data in files_in("out").items() if data == b"gamma ray"]
    assert len(below) == 1
    assert below[0].startswith(f"wafs-lost+found/{'y' * 43}/")


def test_a_lost_record_of_a_moved_folder_is_made_up_for(vault: Wafs, place: Path) -> None:
    from fs.paths import Paths
    from wafs.fs.vfs import Vfs
    from wafs.vault.vault import open_vault

    password = (place / "pw").read_bytes().strip()
    with Vfs(open_vault("v", lambda slot: password if slot == "password" else None)) as vfs:
        paths = Paths(vfs)
        paths.mkdir(b"one")
        paths.mkdir(b"two")
        paths.mkdir(b"one/moved")
        paths.write(b"one/moved/file", b"still here")
        paths.rename(b"one/moved", b"two/moved")
    records = [path for path in Path("v/tree").rglob("wafs.dir") if len(path.relative_to("v/tree").parts) == 3]
    assert len(records) == 1
    records[0].unlink()
    result = vault.unlocked("salvage", "v", "out")
    assert files_in("out") == {"two/moved/file": b"still here"}
    assert result.code == 0


def test_second_versions_and_foreign_files(filled: Wafs) -> None:
    path = cipher_file(5)
    stem, _, _ = path.name.partition(".")
    path.with_name(f"{stem}.sync-conflict-20240101-120000-ABCDEFG.wafs").write_bytes(path.read_bytes())
    path.with_name("desktop.ini").write_bytes(b"[x]")
    path.with_name("IMG_1.jpg").write_bytes(cipher_file(4).read_bytes())
    result = filled.unlocked("salvage", "v", "out")
    assert files_in("out") == {**files_in("src"), "a (2)": b"alpha", "wafs-lost+found/IMG_1.jpg": b"beta"}
    assert sorted(item["what"] for item in items()) == ["conflict", "left-out", "unnamed"]
    assert result.code == 5


def test_a_damaged_header_is_no_obstacle_if_its_copy_is_good(filled: Wafs) -> None:
    flip(Path("v/wafs.vault"), 40)
    before = tree_state()
    filled.do("salvage", "v", "out")
    assert files_in("out") == files_in("src")
    assert tree_state() == before
    flip(Path("v/wafs.vault.copy"), 40)
    result = filled.unlocked("salvage", "v", "other")
    assert result.code == 5
    assert "both copies of the vault header are damaged" in result.err
    assert not Path("other").exists()


def test_a_folder_that_is_not_empty_needs_force(filled: Wafs, place: Path) -> None:
    (place / "out").mkdir()
    (place / "out/a").write_bytes(b"older")
    (place / "out/own").write_bytes(b"own")
    result = filled.unlocked("salvage", "v", "out")
    assert result.code == 1
    assert "not empty" in result.err
    assert files_in("out") == {"a": b"older", "own": b"own"}
    filled.do("salvage", "v", "out", "--force")
    assert files_in("out") == {**files_in("src"), "own": b"own"}


def test_it_does_not_save_into_the_vault(filled: Wafs) -> None:
    result = filled.unlocked("salvage", "v", "v/tree/out")
    assert result.code == 2
    assert "inside the vault" in result.err


def test_names_that_the_report_needs_are_not_lost(vault: Wafs, place: Path) -> None:
    (place / "src").mkdir()
    (place / "src/wafs-salvage.json").write_bytes(b"older report")
    vault.do("put", "v", "src/.", "/")
    vault.do("salvage", "v", "out")
    assert files_in("out") == {"wafs-salvage (2).json": b"older report"}


def test_a_full_disk_stops_it_cleanly(filled: Wafs, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int, data: bytes | memoryview, offset: int) -> int:
        if offset >= 3 * CHUNK or len(data) > 3 * CHUNK:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return os.pwrite(handle, data, offset)

    monkeypatch.setattr(LocalStore, "pwrite", staticmethod(full))
    result = filled.unlocked("salvage", "v", "out")
    assert result.code == 7
    assert "takes nothing more" in result.err
    told = report()
    assert not told["finished"]
    assert told["stopped"] == "no space left on device"
    found = files_in("out")
    assert found == {name: data for name, data in files_in("src").items() if name in found}
    assert "big" not in found


def test_an_interrupt_leaves_whole_files_and_a_report(filled: Wafs, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = salvage_files.FileCopier.copy

    def stopped(*arguments: Any) -> object:
        if arguments[2].extent == len(BIG):
            raise KeyboardInterrupt
        return copy(*arguments)

    monkeypatch.setattr(salvage_files.FileCopier, "copy", stopped)
    assert filled.unlocked("salvage", "v", "out").code == 130
    assert report()["stopped"] == "interrupted"
    assert files_in("out") == {"a": b"alpha"}


def test_attributes_come_along(filled: Wafs) -> None:
    try:
        os.setxattr("src/a", "user.colour", b"red")
    except OSError:
        pytest.skip("no extended attributes here")
    filled.do("put", "v", "src/a", "/")
    filled.do("salvage", "v", "out")
    assert os.getxattr("out/a", "user.colour") == b"red"


def test_what_was_put_behind_a_damaged_end_is_no_part_of_the_file(filled: Wafs) -> None:
    path = cipher_file(len(BIG))
    flip(path, 256 + 5 * STRIDE + 40)
    with path.open("ab") as file:
        file.write(os.urandom(2 * STRIDE))
    assert filled.unlocked("salvage", "v", "out").code == 5
    assert files_in("out")["big"] == BIG[: 5 * CHUNK] + bytes(100)
    assert items()[0]["gaps"] == [{"start": 5 * CHUNK, "stop": len(BIG), "why": "damaged"}]


def test_keys_that_the_vault_keeps_are_told_of_and_not_saved(filled: Wafs, place: Path) -> None:
    assert "keys" not in filled.do("salvage", "v", "before").err
    (place / "digits").write_text("5a" * 32)
    filled.do("whatsapp", "key", "add", "v", "--key-file", "digits")
    assert "the keys that the vault keeps for other files are not saved" in filled.do("salvage", "v", "out").err
    assert files_in("out") == files_in("before")
