"""The tour: what POSIX and Linux promise of files holds on a mount, for root and for others, as it does on a disk."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mount.tour.guide import CHECKS
from mount.users import STRANGER, guide_command, must_be_root, reachable_folder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mount.bench import Bench
    from mount.daemon import Daemon

TESTS = Path(__file__).resolve().parents[1]


def tour(folder: Path, *checks: str, uid: int | None = None) -> list[str]:
    """Run checks in a folder and return the names of those that held."""
    who = os.getuid() if uid is None else uid
    result = subprocess.run(
        guide_command(folder, who, *checks),
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    return result.stdout.decode().split()


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    from mount.bench import Bench

    bench = Bench(tmp_path_factory.mktemp("tour"))
    try:
        yield bench.mount(bench.vault())
    finally:
        complaints = bench.finish()
    assert complaints == []


@pytest.mark.parametrize("check", CHECKS)
def test_a_disk_does(tmp_path: Path, check: str) -> None:
    """What a check asks for is no more than what the folder below gives."""
    assert tour(tmp_path, check) == [check]


def test_a_disk_does_for_another_user() -> None:
    must_be_root()
    with reachable_folder(STRANGER) as folder:
        assert tour(folder, uid=STRANGER) == list(CHECKS)


@pytest.mark.mount
@pytest.mark.parametrize("check", CHECKS)
def test_a_mount_does(daemon: Daemon, check: str) -> None:
    assert tour(daemon.place, check) == [check]
    assert list(daemon.place.iterdir()) == []


@pytest.mark.mount
def test_a_scratch_mount_does(bench: Bench) -> None:
    daemon = bench.mount(bench.vault(), "--scratch")
    assert tour(daemon.place) == list(CHECKS)
    assert list(daemon.place.iterdir()) == []


@pytest.mark.mount
def test_a_mount_does_for_another_user(bench: Bench) -> None:
    must_be_root()
    with reachable_folder(0) as folder:
        daemon = bench.mount(bench.vault(), "--allow-other", at=folder)
        try:
            daemon.place.chmod(0o777)
            assert tour(daemon.place, uid=STRANGER) == list(CHECKS)
            assert list(daemon.place.iterdir()) == []
        finally:
            daemon.clean_up()
