"""A mount, with the real kernel between, does what a real directory does."""

from __future__ import annotations

import itertools
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from differential.drivers.posix import PosixDriver
from differential.mounted import mounted_vault
from differential.operations import programs
from differential.program import Program, Tree, assert_same
from differential.rare_programs import PROGRAMS
from mount.bench import PASSWORD
from reader import open_vault as read_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.daemon import Daemon

pytestmark = [pytest.mark.mount, pytest.mark.slow]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with mounted_vault(tmp_path_factory.mktemp("differential-mount")) as bench:
        yield bench.daemons[0]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("differential-plain")


@settings(max_examples=4 * settings().max_examples)
@given(program=programs())
def test_mount_does_what_a_directory_does(daemon: Daemon, plain: Path, program: Program) -> None:
    """Each program has a folder of its own, so that what the kernel remembers of the last one does not help."""
    number = str(next(_numbers))
    folders = [root / number for root in (plain, daemon.place)]
    for folder in folders:
        folder.mkdir()
    drivers = [PosixDriver(os.fsencode(folder)) for folder in folders]
    try:
        assert_same(program, *drivers)
    finally:
        for driver, folder in zip(drivers, folders, strict=True):
            driver.remount()
            shutil.rmtree(folder)
    assert os.listdir(daemon.place) == []


def test_what_programs_left_is_there_after_a_remount(tmp_path: Path) -> None:
    """Rare programs, each in a folder that stays: read again by a new mount, and by the independent reader."""
    trees: dict[str, Tree] = {}
    with mounted_vault(tmp_path) as bench:
        daemon = bench.daemons[0]
        for number, program in enumerate(PROGRAMS.values()):
            folder, plain = daemon.place / f"{number}", tmp_path / f"plain {number}"
            folder.mkdir()
            plain.mkdir()
            trees[folder.name] = assert_same(program, PosixDriver(os.fsencode(plain)), PosixDriver(os.fsencode(folder)))
        daemon = bench.remount(daemon)
        assert {name: PosixDriver(os.fsencode(daemon.place / name)).tree() for name in trees} == trees
    vault = read_vault(daemon.vault, PASSWORD.decode())
    found = {path: entry.content for path, entry in vault.walk().items()}
    assert vault.foreign == []
    for name, tree in trees.items():
        prefix = name.encode() + b"/"
        assert {prefix + path: node.content for path, node in tree.items()} == {
            path: content for path, content in found.items() if path.startswith(prefix)
        }
