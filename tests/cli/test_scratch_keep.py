"""What is kept in the vault is all that was there: nothing is replaced that is still to be copied."""

from __future__ import annotations

import errno
import os
import shutil
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

import wafs.cli.copy_across
from check.sick import Case
from fs.paths import Paths
from fs.scratches import found_changes, scratch_of
from vault.making import make_vault, opened
from wafs.check.findings import Kind
from wafs.cli.copy_rules import is_temporary, temporary_name
from wafs.cli.interrupts import Interrupts
from wafs.cli.progress import Progress
from wafs.cli.scratch_end import ScratchEnd
from wafs.cli.scratch_keep import keep_in
from wafs.cli.scratch_pipe import ReportSender, report_pipe
from wafs.fs.vfs import Vfs

if TYPE_CHECKING:
    from pathlib import Path

    from log_police import ExpectLog
    from wafs.cli.scratch_keep import Kept


@pytest.fixture
def vault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(wafs.cli.copy_across, "_BATCH_FILES", 1)
    with Vfs(opened(make_vault(tmp_path / "vault"))) as vfs:
        paths = Paths(vfs)
        paths.write(b"a", b"old" * 10_000)
        paths.write(b"b", b"b")
    return tmp_path / "vault"


def append(paths: Paths, path: bytes, data: bytes) -> None:
    with paths.held(path) as number:
        fh = paths.vfs.files.open(number, os.O_RDWR).fh
        paths.vfs.files.write(fh, paths.vfs.attributes.get(number).size, memoryview(data), paths.scratch)
        paths.vfs.files.release(fh)


def kept(paths: Paths, place: bytes = b"/") -> Kept:
    return keep_in(paths.vfs, found_changes(paths), place, Interrupts(), Progress("keep"))


def content_of(vault: Path) -> dict[bytes, bytes]:
    with Vfs(opened(vault, read_only=True)) as vfs:
        return {path: node.content for path, node in Paths(vfs).walk().items()}


def test_a_file_that_moved_and_the_one_in_its_place(vault: Path) -> None:
    with scratch_of(vault) as paths:
        paths.rename(b"a", b"z")
        paths.write(b"a", b"new")
        assert kept(paths).failures == []
    assert content_of(vault) == {b"a": b"new", b"b": b"b", b"z": b"old" * 10_000}


def test_what_is_replaced_stays_if_something_that_moved_could_not_be_kept(vault: Path) -> None:
    with Vfs(opened(vault)) as vfs:
        Paths(vfs).mkdir(b"z")
    with scratch_of(vault) as paths:
        paths.rmdir(b"z")
        paths.rename(b"a", b"z")
        paths.write(b"a", b"new")
        paths.write(b"c", b"c")
        assert [message.text.split(":")[0] for message in kept(paths).failures] == ["/z", "/a"]
    assert content_of(vault) == {b"a": b"old" * 10_000, b"b": b"b", b"c": b"c", b"z": b""}


def test_what_was_changed_is_kept_though_the_vault_below_is_made_whole_for_that(vault: Path, tmp_path: Path) -> None:
    with Vfs(opened(vault)) as vfs:
        append(Paths(vfs), b"a", b"+" * 10)
        shutil.copytree(vault, tmp_path / "killed")
    with scratch_of(tmp_path / "killed") as paths:
        append(paths, b"a", b"#" * 10)
        paths.rename(b"a", b"z")
        assert kept(paths).failures == []
    content = b"old" * 10_000 + b"+" * 10
    assert content_of(tmp_path / "killed") == {b"a": content, b"b": b"b", b"z": content + b"#" * 10}


def test_a_folder_that_moved_gets_nothing_of_the_one_in_its_place(vault: Path) -> None:
    with Vfs(opened(vault)) as vfs:
        Paths(vfs).mkdir(b"d")
        Paths(vfs).write(b"d/x", b"old")
    with scratch_of(vault) as paths:
        paths.rename(b"d", b"e")
        paths.mkdir(b"d")
        paths.write(b"d/x", b"new")
        paths.write(b"d/y", b"new")
        assert kept(paths).failures == []
    found = content_of(vault)
    assert {path: found[path] for path in found if b"/" in path} == {b"d/x": b"new", b"d/y": b"new", b"e/x": b"old"}


@pytest.mark.parametrize("verb", ["put", "backup", "keep", "decrypt"])
def test_what_a_run_that_was_killed_leaves_in_the_vault_is_found(vault: Path, verb: str) -> None:
    name = temporary_name(verb)
    assert is_temporary(name)
    with Vfs(opened(vault)) as vfs:
        Paths(vfs).write(name, b"half of")
    assert [item.kind for item in Case(vault, {}).check()] == [Kind.LEFTOVER]


def test_what_could_not_be_kept_is_logged_if_nobody_waits_any_more(
    vault: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, expect_log: ExpectLog
) -> None:
    expect_log("not all could be kept")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/new").touch()
    end = ScratchEnd(foreground=False, keep=str(tmp_path / "out"), keep_in=None)
    with scratch_of(vault) as paths:
        paths.write(b"new", b"new")
        with report_pipe() as pipe:
            sender = ReportSender(os.fsencode(pipe.path))
        with patch("wafs.cli.scratch_end.ReportSender", return_value=sender), caplog.at_level("INFO", "wafs"):
            assert sender.is_heard
            end.finish(paths.vfs)
    assert "not all could be kept" in caplog.text


def test_a_full_storage_is_not_taken_for_the_loss_of_one_file(vault: Path) -> None:
    with scratch_of(vault) as paths:
        paths.write(b"c", b"c")
        paths.write(b"d", b"d")
        full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        with patch.object(wafs.cli.copy_across.CopyAcross, "_file", side_effect=full):
            said = [message.text for message in kept(paths).failures]
    assert said == ["/c: no space left on device", "nothing more was tried: the rest was not kept"]
