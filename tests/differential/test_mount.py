"""A mount, with the real kernel between, does what a real directory does."""

from __future__ import annotations

import itertools
import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import given

from differential.drivers.posix import PosixDriver
from differential.mounted import mounted_vault
from differential.operations import programs
from differential.program import Program, assert_same

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
