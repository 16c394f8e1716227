"""Systems: native ext4, gocryptfs and wafs, each made and mounted the way its users do."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from benchmark.commands import run
from benchmark.failure import BenchError
from benchmark.mounts import unmount

if TYPE_CHECKING:
    from collections.abc import Sequence

WAFS = Path(sys.executable).with_name("wafs")


class System(Protocol):
    """A filesystem under test, keeping its data in the folder `lower` of a fresh disk."""

    @property
    def name(self) -> str:
        """The heading of its column."""
        ...

    @property
    def is_mount(self) -> bool:
        """Whether it has a page cache apart from that of the disk below."""
        ...

    def version(self) -> str:
        """Return its version in one line.

        Raises:
            BenchError: it is not installed or does not run; the text says how to get it.
        """
        ...

    def create(self, lower: Path) -> None:
        """Make an empty one in `lower`."""
        ...

    def mount(self, lower: Path, upper: Path) -> Path:
        """Mount it, on `upper` if it mounts at all; return the folder to work in."""
        ...

    def unmount(self, upper: Path) -> None:
        """Unmount it, with all it still has to write written."""
        ...


class Native:
    """The ext4 of the disk itself: what the others could reach at best."""

    name = "native"
    is_mount = False

    def version(self) -> str:
        """Return the release of the kernel, whose ext4 it is."""
        return "ext4 of kernel " + run(["uname", "--kernel-release"]).strip()

    def create(self, lower: Path) -> None:
        """Make a folder."""
        (lower / "plain").mkdir()

    def mount(self, lower: Path, upper: Path) -> Path:
        """Return the folder; nothing is mounted."""
        del upper
        return lower / "plain"

    def unmount(self, upper: Path) -> None:
        """Do nothing."""


class Gocryptfs:
    """gocryptfs with its defaults, but for a cheap password hash, which no row measures."""

    name = "gocryptfs"
    is_mount = True

    def __init__(self, password_file: Path) -> None:
        self._password = ["-passfile", str(password_file)]

    def version(self) -> str:
        """Return the first line of `gocryptfs -version`."""
        if shutil.which("gocryptfs") is None:
            msg = "gocryptfs is not installed: apt install gocryptfs"
            raise BenchError(msg)
        return run(["gocryptfs", "-version"]).splitlines()[0].strip()

    def create(self, lower: Path) -> None:
        """Run `gocryptfs -init`."""
        vault = lower / "gocryptfs"
        vault.mkdir()
        run(["gocryptfs", "-init", "-q", "-scryptn", "10", *self._password, vault])

    def mount(self, lower: Path, upper: Path) -> Path:
        """Mount; the daemon goes to the background when the mount answers."""
        run(["gocryptfs", "-q", *self._password, lower / "gocryptfs", upper])
        return upper

    def unmount(self, upper: Path) -> None:
        """Unmount; the daemon then ends by itself."""
        unmount(upper)


class Wafs:
    """wafs as installed beside the running Python, with one chunk size."""

    is_mount = True

    def __init__(self, password_file: Path, *, chunk_kib: int | None = None) -> None:
        self.name = "wafs" if chunk_kib is None else f"wafs-{chunk_kib}k"
        self.password = ["--password-file", str(password_file)]
        self._chunks = [] if chunk_kib is None else ["--chunk-size", str(chunk_kib)]

    def version(self) -> str:
        """Return what `wafs --version` prints."""
        try:
            said = run([WAFS, "--version"]).strip()
        except BenchError as exc:
            msg = f"wafs does not run from {WAFS}: {exc}"
            raise BenchError(msg) from None
        return " ".join([said, *self._chunks])

    def create(self, lower: Path) -> None:
        """Run `wafs init` with a cheap password hash, which no row measures."""
        cheap = ["--kdf-memory", "8", "--no-recovery"]
        run([WAFS, "init", lower / "vault", *self.password, *cheap, *self._chunks])

    def mount(self, lower: Path, upper: Path) -> Path:
        """Run `wafs mount`, which returns when the mount answers."""
        run([WAFS, "mount", lower / "vault", upper, *self.password])
        return upper

    def unmount(self, upper: Path) -> None:
        """Run `wafs umount`."""
        run([WAFS, "umount", upper])


KINDS = ("native", "gocryptfs", "wafs")


def make_systems(kinds: Sequence[str], *, chunk_sizes: Sequence[int], password_file: Path) -> list[System]:
    """Return the systems asked for, in order; one wafs for each chunk size in KiB, if any."""
    systems: list[System] = []
    for kind in kinds:
        if kind == "native":
            systems.append(Native())
        elif kind == "gocryptfs":
            systems.append(Gocryptfs(password_file))
        elif chunk_sizes:
            systems += [Wafs(password_file, chunk_kib=kib) for kib in chunk_sizes]
        else:
            systems.append(Wafs(password_file))
    return systems
