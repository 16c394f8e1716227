"""A quota that is used up: the writer is told, nothing that was written is lost, and making room is enough to go on."""

from __future__ import annotations

import contextlib
import errno
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from mount.filling import BLOCK, check_old_or_new, fill, make_early, overwrite_early
from mount.programs import run
from mount.storages import mounted
from wafs.fuse import mountpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mount.bench import Bench
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

IMAGE_MIB = 128
"""What mkfs.btrfs wants at least."""
LIMIT = "12M"
MORE = "16M"
EXIT_STORAGE = 7


@contextlib.contextmanager
def limited_folder(folder: Path) -> Iterator[Path]:
    """Make a folder with a quota that binds root as well: a subvolume of btrfs in a group with a limit.

    The quotas of ext4 and XFS bind no process with CAP_SYS_RESOURCE, and are not in every kernel.
    """
    if shutil.which("mkfs.btrfs") is None:
        pytest.skip("no storage with a quota: mkfs.btrfs is missing (apt install btrfs-progs)")
    image = folder / "image"
    with image.open("wb") as file:
        file.truncate(IMAGE_MIB << 20)
    run("mkfs.btrfs", "-q", "-M", image)
    with mounted(folder / "btrfs", "-t", "btrfs", "-o", "loop", image) as place:
        enabled = subprocess.run(["btrfs", "quota", "enable", place], capture_output=True, text=True, check=False)
        if enabled.returncode != 0:
            pytest.skip(f"no storage with a quota: {enabled.stderr.strip()}")
        run("btrfs", "subvolume", "create", place / "limited")
        run("btrfs", "qgroup", "limit", LIMIT, place / "limited")
        yield place / "limited"


@pytest.fixture
def limited(bench: Bench) -> Iterator[Daemon]:
    """A vault in a folder with a quota, mounted, with a few files in it."""
    with limited_folder(bench.folder) as folder:
        daemon = bench.mount(bench.vault(folder / "vault"))
        make_early(daemon.place)
        try:
            yield daemon
        finally:
            bench.finish()


def make_room(daemon: Daemon) -> None:
    """Let the folder have more and remove what filled it: btrfs refuses even to remove where there is no quota left."""
    run("btrfs", "qgroup", "limit", MORE, daemon.vault.parent)
    (daemon.place / "big").unlink()


@pytest.mark.parametrize("size", [4096, 300_000])
def test_a_quota_reaches_the_writer_and_harms_nothing(bench: Bench, limited: Daemon, size: int) -> None:
    limited.tolerate("(?i)quota exceeded")
    block = (BLOCK * (size // len(BLOCK) + 1))[:size]
    accepted = fill(limited.place / "big", code=errno.EDQUOT, block=block)
    assert accepted > 1 << 20
    done = overwrite_early(limited.place, errno.EDQUOT)
    check_old_or_new(limited.place, done)
    with (limited.place / "big").open("rb") as file:
        assert file.read(accepted) == (block * (accepted // size + 1))[:accepted]
    make_room(limited)
    assert overwrite_early(limited.place) == set(range(20))
    (limited.place / "after").write_bytes(BLOCK * 100)
    again = bench.remount(limited)
    check_old_or_new(again.place, set(range(20)))
    assert (again.place / "after").read_bytes() == BLOCK * 100


def test_a_vault_whose_quota_is_used_up_is_closed_and_opened(bench: Bench, limited: Daemon) -> None:
    limited.tolerate("(?i)quota exceeded")
    fill(limited.place / "big", code=errno.EDQUOT)
    done = overwrite_early(limited.place, errno.EDQUOT)
    # btrfs never writes in place, so that what is in the journal may have to stay there.
    mountpoint.unmount(limited.place)
    assert limited.ended() in (0, EXIT_STORAGE)
    run("btrfs", "qgroup", "limit", MORE, limited.vault.parent)
    again = bench.mount(limited.vault, at=limited.place)
    check_old_or_new(again.place, done)
    make_room(again)
    assert overwrite_early(again.place) == set(range(20))
    last = bench.remount(again)
    check_old_or_new(last.place, set(range(20)))
