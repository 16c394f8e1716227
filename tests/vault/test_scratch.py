"""A vault that is opened with a scratch does not change, whatever state it is in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fs.paths import Paths
from fs.scratches import ciphertext_of, found_changes, scratch_of
from vault.making import make_vault, opened
from wafs.errors import VaultInUseError
from wafs.fs.vfs import Vfs
from wafs.vault.lock import VaultLock
from wafs.vault.vault import reopen_vault

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    path = make_vault(tmp_path / "vault")
    with Vfs(opened(path)) as vfs:
        Paths(vfs).write(b"file", b"bytes")
    return path


def test_a_damaged_copy_of_the_header_stays_as_it_is(vault: Path) -> None:
    (vault / "wafs.vault").write_bytes(b"damaged")
    before = ciphertext_of(vault)
    with scratch_of(vault) as paths:
        paths.write(b"new", b"new")
    assert ciphertext_of(vault) == before


def test_what_a_writer_left_is_brought_home_in_the_scratch(vault: Path) -> None:
    left = opened(vault)
    paths = Paths(Vfs(left))
    paths.write(b"other", b"other")
    with paths.held(b"file") as number:
        fh = paths.vfs.files.open(number, 2).fh
        paths.vfs.files.write(fh, 0, memoryview(b"B"), paths.scratch)
        before = ciphertext_of(vault)
        assert any("journal" in name for name in before)
        # As if its process had ended.
        assert left.lock is not None
        left.lock.release()
        with scratch_of(vault) as scratch:
            assert scratch.read(b"file") == b"Bytes"
            assert scratch.read(b"other") == b"other"
            assert found_changes(scratch) == []
        assert ciphertext_of(vault) == before
        paths.vfs.files.release(fh)
    paths.vfs.close()


def test_several_may_have_a_scratch_and_nobody_writes_meanwhile(vault: Path) -> None:
    with scratch_of(vault) as one, scratch_of(vault) as two:
        one.write(b"one", b"1")
        two.write(b"two", b"2")
        assert (one.names(), two.names()) == ([b"file", b"one"], [b"file", b"two"])
        with pytest.raises(VaultInUseError, match="scratch mount"):
            opened(vault)
        with Vfs(opened(vault, read_only=True)) as reader:
            assert Paths(reader).names() == [b"file"]
    lock = VaultLock(str(vault))
    with pytest.raises(VaultInUseError, match="writes to it"), scratch_of(vault):
        pass
    lock.release()


def test_it_is_opened_once_more_with_the_same_keys(vault: Path) -> None:
    with scratch_of(vault) as paths:
        paths.write(b"new", b"new")
        inner = paths.vfs.vault
        with Vfs(reopen_vault(inner, read_only=True)) as plain:
            assert Paths(plain).names() == [b"file"]
        with pytest.raises(VaultInUseError):
            reopen_vault(inner, read_only=False)
        assert inner.lock is not None
        inner.lock.release()
        with Vfs(reopen_vault(inner, read_only=False)) as writer:
            Paths(writer).write(b"kept", paths.read(b"new"))
    with Vfs(opened(vault, read_only=True)) as plain:
        assert Paths(plain).read(b"kept") == b"new"
