"""Systems: what the benchmark asks of a filesystem under test; native ext4 and wafs."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Protocol

from benchmark.commands import run
from benchmark.failure import BenchError

NATIVE = "native"
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

    @property
    def cheap_password(self) -> bool:
        """Whether it was made so that its key derivation takes no time worth mentioning."""
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

    name = NATIVE
    is_mount = False
    cheap_password = True

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


class Wafs:
    """wafs with one chunk size, as installed beside the running Python or at another place."""

    is_mount = True
    cheap_password = True

    def __init__(
        self, password_file: Path, *, name: str = "wafs", program: Path = WAFS, chunk_kib: int | None = None
    ) -> None:
        self.name = name if chunk_kib is None else f"{name}-{chunk_kib}k"
        self.password = ["--password-file", str(password_file)]
        self._program = program
        self._chunks = [] if chunk_kib is None else ["--chunk-size", str(chunk_kib)]

    def version(self) -> str:
        """Return what `wafs --version` prints, and the commit if it runs from a clone."""
        try:
            said = run([self._program, "--version"]).strip()
        except (BenchError, OSError) as exc:
            msg = f"wafs does not run from {self._program}: {exc}"
            raise BenchError(msg) from None
        # A compiled build says of which commit it is; the folder that it lies in has moved on since.
        commit = [] if "+" in said else self._commit()
        return " ".join([said, *commit, *self._chunks])

    def create(self, lower: Path) -> None:
        """Run `wafs init` with a cheap password hash, which no row measures."""
        cheap = ["--kdf-memory", "8", "--no-recovery"]
        run([self._program, "init", lower / "vault", *self.password, *cheap, *self._chunks])

    def mount(self, lower: Path, upper: Path) -> Path:
        """Run `wafs mount`, which returns when the mount answers."""
        run([self._program, "mount", lower / "vault", upper, *self.password])
        return upper

    def unmount(self, upper: Path) -> None:
        """Run `wafs umount`."""
        run([self._program, "umount", upper])

    def _commit(self) -> list[str]:
        try:
            said = run(["git", "-C", self._program.parent, "describe", "--always", "--dirty", "--exclude=*"])
        except BenchError:
            return []
        return ["of commit", said.strip()]
