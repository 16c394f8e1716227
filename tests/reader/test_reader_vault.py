"""The independent reader opens whole vaults, and says no where the page says no."""

import errno
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from reader import FormatProblem, Vault, open_vault
from reader.__main__ import main
from vectors.recipes.directories import Place
from vectors.recipes.header_writer import flipped
from vectors.recipes.journals import JournalWriter
from vectors.recipes.tree_writer import PASSWORD, VaultWriter


@pytest.fixture
def writer(tmp_path: Path) -> VaultWriter:
    return VaultWriter.made(tmp_path)


def _opened(writer: VaultWriter) -> Vault:
    return open_vault(writer.root, recovery_key=writer.recovery_key)


def _problem(writer: VaultWriter) -> tuple[str, str]:
    with pytest.raises(FormatProblem) as caught:
        _opened(writer)
    return caught.value.result_class, caught.value.rule


def _walk_problem(writer: VaultWriter) -> tuple[str, str]:
    vault = _opened(writer)
    with pytest.raises(FormatProblem) as caught:
        vault.walk()
    return caught.value.result_class, caught.value.rule


def test_a_whole_tree_is_read(writer: VaultWriter) -> None:
    top = writer.top
    media = top.put_folder(b"Media")
    media.put_folder(b"Images").put_file(b"\xff.jpg", b"image")
    top.put_recorded_folder(b"moved").put_file(b"in moved", b"m")
    top.put_recorded_folder(b"moving", two_records=True).put_file(b"in moving", b"")
    top.put_symlink(b"link", b"Media/\xff")
    long_name = b"l" * 255
    first = top.put_file(long_name, b"x" * 5000)
    os.link(first, media.entry(b"second"))
    first.chmod(0o640)
    os.utime(first, ns=(0, 1_234_567_890_123_456_789))
    os.mkfifo(media.entry(b"pipe"))

    vault = open_vault(writer.root, PASSWORD)
    entries = vault.walk()

    assert {path: (entry.kind, entry.content) for path, entry in entries.items()} == {
        b"Media": ("dir", b""),
        b"Media/Images": ("dir", b""),
        b"Media/Images/\xff.jpg": ("file", b"image"),
        b"Media/pipe": ("other", b""),
        b"Media/second": ("file", b"x" * 5000),
        b"link": ("symlink", b"Media/\xff"),
        long_name: ("file", b"x" * 5000),
        b"moved": ("dir", b""),
        b"moved/in moved": ("file", b"m"),
        b"moving": ("dir", b""),
        b"moving/in moving": ("file", b""),
    }
    linked = entries[long_name]
    assert (stat.S_IMODE(linked.mode), linked.nlink) == (0o640, 2)
    assert linked.mtime_ns == 1_234_567_890_123_456_789
    assert vault.foreign == []


def test_attributes_are_read(writer: VaultWriter) -> None:
    top = writer.top
    path = top.put_file(b"file", b"plain")
    folder = top.put_folder(b"folder")
    try:
        top.set_attribute(path, top.writer(b"file").file_id, b"origin", b"phone")
        top.set_attribute(folder.path, folder.directory_id, b"n" * 160, b"")
        os.setxattr(path, "user.other", b"not of the vault")
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        pytest.skip("the temporary folder has no user attributes")
    entries = _opened(writer).walk()
    assert entries[b"file"].xattrs == {b"user.origin": b"phone"}
    assert entries[b"folder"].xattrs == {b"user." + b"n" * 160: b""}


def test_what_does_not_belong_is_foreign_and_told(writer: VaultWriter) -> None:
    top = writer.top
    folder = top.put_folder(b"folder")
    (folder.path / "desktop.ini").write_bytes(b"")
    inside = folder.put_file(b"elsewhere", b"plain")
    inside.rename(top.path / inside.name)
    orphan = top.entry(b"o" * 200)
    orphan.write_bytes(b"")
    orphan.with_suffix(".name").unlink()
    (top.path / "wafs.dir.tmp").write_bytes(b"cut")
    (top.path / "alone.name").write_bytes(b"")
    vault = _opened(writer)
    assert list(vault.walk()) == [b"folder"]
    found = {foreign.path: foreign.problem.rule for foreign in vault.foreign}
    assert found == {
        os.fsencode(inside.name): "F-42",
        os.fsencode(orphan.name): "F-42",
        os.fsencode(f"{folder.path.name}/desktop.ini"): "F-43",
        b"alone.name": "F-43",
    }


def test_a_transplanted_folder_does_not_open(writer: VaultWriter) -> None:
    top = writer.top
    recorded = top.put_recorded_folder(b"recorded")
    recorded.path.rename(top.put_folder(b"other").entry(b"recorded"))
    assert _walk_problem(writer) == ("auth", "F-52")


def test_names_in_a_transplanted_implied_folder_are_foreign(writer: VaultWriter) -> None:
    top = writer.top
    implied = top.put_folder(b"implied")
    implied.put_file(b"file", b"plain")
    implied.path.rename(top.put_folder(b"other").entry(b"implied"))
    vault = _opened(writer)
    assert sorted(vault.walk()) == [b"other", b"other/implied"]
    assert [foreign.problem.rule for foreign in vault.foreign] == ["F-42"]


def test_a_problem_names_the_plain_path(writer: VaultWriter) -> None:
    top = writer.top
    path = top.put_file(b"file", b"plain")
    path.write_bytes(flipped(path.read_bytes(), 260))
    with pytest.raises(FormatProblem, match="'file': chunk 0 does not open"):
        _opened(writer).walk()


@pytest.mark.parametrize("damage", ["missing", "flipped"])
def test_the_copy_is_used_for_a_damaged_header(writer: VaultWriter, damage: str) -> None:
    first = writer.root / "wafs.vault"
    if damage == "missing":
        first.unlink()
    else:
        first.write_bytes(flipped(first.read_bytes(), 50))
    assert _opened(writer).walk() == {}
    (writer.root / "wafs.vault.copy").unlink()
    expected = "F-03" if damage == "missing" else "F-11"
    assert _problem(writer) == ("header", expected)


def test_the_copy_is_tried_when_the_first_does_not_accept(writer: VaultWriter) -> None:
    headers = writer.headers
    good = headers.header([headers.recovery_slot()])
    other = headers.header([headers.password_slot()])
    writer.write_headers(other, copy=good)
    assert _opened(writer).walk() == {}
    writer.write_headers(other)
    assert _problem(writer) == ("wrong key", "F-16")
    forged = headers.header([headers.recovery_slot()], mac=bytes(32))
    writer.write_headers(forged, copy=good)
    assert _opened(writer).walk() == {}
    writer.write_headers(forged, copy=other)
    assert _problem(writer) == ("header", "F-17")


def _journal(writer: VaultWriter, file_id: bytes, *changes: list[Any]) -> bytes:
    journal = JournalWriter(writer.headers.dice, writer.headers.keys)
    return journal.journal(*([file_id, 1, *change, 0, 0] for change in changes))


def test_a_journal_is_replayed(writer: VaultWriter) -> None:
    top = writer.top
    top.put_file(b"file", b"old")
    journal = writer.root / "wafs.journal"
    journal.write_bytes(bytes(65))
    assert _opened(writer).walk()[b"file"].content == b"old"
    file_id = top.writer(b"file").file_id
    told = _journal(writer, file_id, [1, 6, 1, [[0, b"newold"]]], [1, 4 * 4096 + 1, 1, [[0, 3, b"!"], [2, b"x"]]])
    for name in ("wafs.journal", "wafs.journal.next"):
        journal.unlink()
        journal = writer.root / name
        journal.write_bytes(told)
        expected = b"new!ld".ljust(2 * 4096, b"\0") + b"x".ljust(2 * 4096 + 1, b"\0")
        assert _opened(writer).walk()[b"file"].content == expected


def test_a_journal_of_another_version_of_a_file_is_of_no_account(writer: VaultWriter) -> None:
    writer.top.put_file(b"file", b"old")
    file_id = writer.top.writer(b"file").file_id
    for base in (2, 9):
        (writer.root / "wafs.journal").write_bytes(_journal(writer, file_id, [base, 3, 1, [[0, b"new"]]]))
        assert _opened(writer).walk()[b"file"].content == b"old"


def test_a_file_that_was_being_made_is_empty_while_there_is_a_journal(writer: VaultWriter) -> None:
    writer.top.put_file(b"file", b"old").write_bytes(bytes(300))
    assert _walk_problem(writer)[0] == "malformed"
    (writer.root / "wafs.journal").write_bytes(b"")
    assert _opened(writer).walk()[b"file"].content == b""


def test_a_damaged_journal_is_refused(writer: VaultWriter) -> None:
    whole = _journal(writer, bytes(16), [1, 0, 0, []])
    (writer.root / "wafs.journal").write_bytes(flipped(whole, 20))
    assert _problem(writer) == ("malformed", "F-81")


def test_a_vault_without_a_tree_is_refused(writer: VaultWriter) -> None:
    tree = writer.root / "tree"
    tree.rmdir()
    assert _problem(writer) == ("malformed", "section 2")
    tree.symlink_to(writer.root)
    assert _problem(writer) == ("malformed", "section 2")


def test_a_recovery_key_has_32_bytes(writer: VaultWriter) -> None:
    with pytest.raises(FormatProblem, match="malformed: recovery key of 31 bytes"):
        open_vault(writer.root, recovery_key=writer.recovery_key[1:])


def test_the_root_may_have_a_record(writer: VaultWriter) -> None:
    top = writer.top
    record = Place(top.dice, top.keys, b"", top.directory_id)
    record.directory_id = top.directory_id
    (top.path / "wafs.dir").write_bytes(record.record(flags=1))
    top.put_file(b"file", b"plain")
    assert list(_opened(writer).walk()) == [b"file"]
    record.directory_id = b"another id here."
    (top.path / "wafs.dir").write_bytes(record.record())
    assert _walk_problem(writer) == ("malformed", "section 7")


def test_one_secret_is_wanted_and_one_only(writer: VaultWriter) -> None:
    for password, recovery_key in ((None, None), (PASSWORD, writer.recovery_key)):
        with pytest.raises(ValueError, match="one only"):
            open_vault(writer.root, password, recovery_key)


def test_the_command_line_lists_and_tells(
    writer: VaultWriter, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    top = writer.top
    path = top.put_file(b"file", b"plain")
    (top.path / "notes.txt").write_bytes(b"")
    key = writer.recovery_key.hex()
    monkeypatch.setattr("sys.argv", ["reader", str(writer.root), "--recovery-key", key])
    assert main() == 0
    assert "'file'" in (told := capsys.readouterr().out)
    assert "foreign 'notes.txt'" in told
    path.write_bytes(path.read_bytes()[:-1])
    assert main() == 1
    assert capsys.readouterr().out.startswith("truncated: 'file'")
