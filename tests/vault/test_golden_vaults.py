"""Every vault that any version wrote is opened by this one, and by the independent reader."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from fs.paths import Paths
from reader import open_vault as open_with_reader
from wafs.format.recovery_text import parse_recovery_key
from wafs.format.slot import PASSWORD, RECOVERY
from wafs.fs.vfs import Vfs
from wafs.vault.vault import open_vault

GOLDEN = sorted((Path(__file__).parents[1] / "vaults").glob("format-*"))
# As a keyboard may give it: decomposed.
TYPED = {"format-1": "golden pa\u0301ssword"}

pytestmark = pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)


def _manifest(golden: Path) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads((golden / "manifest.json").read_text("ascii"))
    return facts


def _recovery_key(golden: Path) -> bytes:
    lines = (golden / "README.md").read_text("utf-8").splitlines()
    return parse_recovery_key("\n".join(line for line in lines if line.startswith("      ")))


def _password(golden: Path) -> bytes:
    return unicodedata.normalize("NFC", TYPED[golden.name]).encode()


def _fact(kind: int, content: bytes) -> dict[str, Any]:
    match kind:
        case stat.S_IFDIR:
            return {"type": "folder"}
        case stat.S_IFLNK:
            return {"type": "symlink", "target": content.decode("latin-1")}
    return {"type": "file", "size": len(content), "sha256": hashlib.sha256(content).hexdigest()}


def _files(golden: Path) -> dict[str, bytes]:
    """Every byte of a vault, symlinks as their target."""
    return {
        str(path.relative_to(golden)): os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in golden.rglob("*")
        if path.is_symlink() or path.is_file()
    }


@pytest.mark.parametrize("slot_type", [PASSWORD, RECOVERY])
def test_wafs_reads_it_and_changes_nothing(golden: Path, slot_type: str) -> None:
    secrets = {PASSWORD: _password(golden), RECOVERY: _recovery_key(golden)}
    before = _files(golden)
    vault = open_vault(str(golden / "vault"), lambda kind: secrets[kind] if kind == slot_type else None, read_only=True)
    with Vfs(vault) as vfs:
        found = {name.decode("latin-1"): _fact(node.kind, node.content) for name, node in Paths(vfs).walk().items()}
    assert found == _manifest(golden)
    assert _files(golden) == before


def test_the_independent_reader_reads_it(golden: Path) -> None:
    kinds = {"dir": stat.S_IFDIR, "symlink": stat.S_IFLNK, "file": stat.S_IFREG}
    vault = open_with_reader(golden / "vault", TYPED[golden.name])
    found = {name.decode("latin-1"): _fact(kinds[entry.kind], entry.content) for name, entry in vault.walk().items()}
    assert found == _manifest(golden)
    assert vault.foreign == []


def test_it_can_be_written_to(golden: Path, tmp_path: Path) -> None:
    copy = tmp_path / "vault"
    shutil.copytree(golden / "vault", copy, symlinks=True)
    key = _recovery_key(golden)
    with Vfs(open_vault(str(copy), lambda kind: key if kind == RECOVERY else None)) as vfs:
        paths = Paths(vfs)
        before = paths.walk()
        # Opening it as a writer ends the flight of what was left in flight.
        with paths.held(b"in flight") as number:
            vfs.files.release(vfs.files.open(number, os.O_RDWR).fh)
        paths.rename(b"in the middle", b"moved on")
        paths.write(b"moved on/new", b"by a later version")
        after = paths.walk()
    moved = {name.replace(b"in the middle", b"moved on"): node for name, node in before.items()}
    assert {name: node for name, node in after.items() if name != b"moved on/new"} == moved
    found = open_with_reader(copy, recovery_key=key).walk()
    assert {name: entry.content for name, entry in found.items()} == {
        name: node.content for name, node in after.items()
    }
