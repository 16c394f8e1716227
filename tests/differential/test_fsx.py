"""A long random life of one file; WAFS_FSX_STEPS makes it longer, WAFS_FSX_SEED another one."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from differential.bench import core_port
from differential.drivers.posix import PosixDriver
from differential.drivers.syscalls import Habits
from differential.drivers.vault_driver import VaultDriver
from differential.fsx import MAX_SIZE, PATH, Fsx, MappedFsx
from differential.invariants import assert_nothing_held, assert_reader_agrees
from differential.mounted import mounted_vault

if TYPE_CHECKING:
    from pathlib import Path

    from differential.vaults import Places

STEPS = int(os.environ.get("WAFS_FSX_STEPS", "3000"))
SEED = int(os.environ.get("WAFS_FSX_SEED", "1"))

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_fsx_on_the_core(places: Places, seed: int) -> None:
    place = places.new()
    with core_port(place) as port:
        driver = VaultDriver(port, Habits())
        Fsx(driver, seed).run(STEPS)
        tree = driver.tree()
        driver.settle()
        assert_nothing_held(port.vfs)
    assert_reader_agrees(place, tree)
    places.remove(place)


@pytest.mark.mount
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_fsx_on_a_mount(tmp_path: Path, seed: int) -> None:
    with mounted_vault(tmp_path) as bench:
        daemon = bench.daemons[0]
        driver = PosixDriver(os.fsencode(daemon.place))
        try:
            Fsx(driver, seed).run(STEPS)
        finally:
            driver.remount()
        cached = (daemon.place / PATH.decode()).read_bytes()
        daemon = bench.remount(daemon)
        assert 0 < len(cached) <= MAX_SIZE
        assert (daemon.place / PATH.decode()).read_bytes() == cached


@pytest.mark.mount
@pytest.mark.parametrize("seed", [SEED, SEED + 1])
def test_fsx_with_a_map_on_a_mount(tmp_path: Path, seed: int) -> None:
    with mounted_vault(tmp_path) as bench:
        daemon = bench.daemons[0]
        path = daemon.place / PATH.decode()
        driver = PosixDriver(os.fsencode(daemon.place))
        fsx = MappedFsx(driver, seed, path)
        try:
            fsx.run(STEPS)
        finally:
            fsx.close()
            driver.remount()
        cached = path.read_bytes()
        bench.remount(daemon)
        assert 0 < len(cached) <= MAX_SIZE
        assert path.read_bytes() == cached


def test_fsx_with_a_map_on_a_disk(tmp_path: Path) -> None:
    driver = PosixDriver(os.fsencode(tmp_path))
    fsx = MappedFsx(driver, SEED, tmp_path / PATH.decode())
    try:
        fsx.run(STEPS // 10)
    finally:
        fsx.close()
        driver.remount()
