"""Peers: the other encrypted filesystems, each made and mounted the way its users do."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from benchmark.commands import run
from benchmark.failure import BenchError
from benchmark.mounts import unmount


class Peer:
    """What they have in common: a Debian package, a password and a daemon that ends when unmounted.

    Args:
        password_file: its first line is the password.
        work: an existing folder that lasts for the whole run.
    """

    name: ClassVar[str]
    is_mount = True
    cheap_password = True
    version_words: ClassVar[tuple[str, ...]]

    def __init__(self, password_file: Path, work: Path) -> None:
        self._password_file = password_file
        self._work = work

    def version(self) -> str:
        """Return what it says of itself, and the version of its package where there is one.

        Raises:
            BenchError: it is not installed.
        """
        if shutil.which(self.name) is None:
            msg = f"{self.name} is not installed: apt install {self.name}"
            raise BenchError(msg)
        said = run([self.name, *self.version_words], accept=(0, 1)).strip().splitlines()[0].strip()
        try:
            package = run(["dpkg-query", "--show", "--showformat", "${Version}", self.name])
        except BenchError:
            return said
        return f"{said}, Debian package {package}"

    def unmount(self, upper: Path) -> None:
        """Unmount; the daemon then ends by itself."""
        unmount(upper)

    def _vault(self, lower: Path) -> Path:
        return lower / self.name

    def _answers(self, times: int = 1) -> str:
        return self._password_file.read_text() * times


class Gocryptfs(Peer):
    """gocryptfs with its defaults, but for a cheap password hash, which no row measures."""

    name = "gocryptfs"
    version_words: ClassVar[tuple[str, ...]] = ("-version",)

    def create(self, lower: Path) -> None:
        """Run `gocryptfs -init`."""
        self._vault(lower).mkdir()
        run(["gocryptfs", "-init", "-q", "-scryptn", "10", "-passfile", self._password_file, self._vault(lower)])

    def mount(self, lower: Path, upper: Path) -> Path:
        """Mount; the daemon goes to the background when the mount answers."""
        run(["gocryptfs", "-q", "-passfile", self._password_file, self._vault(lower), upper])
        return upper


class Securefs(Peer):
    """securefs with its defaults, format 4, but for a cheap password hash."""

    name = "securefs"
    version_words: ClassVar[tuple[str, ...]] = ("version",)

    def create(self, lower: Path) -> None:
        """Run `securefs create`, which asks for the password twice."""
        self._vault(lower).mkdir()
        cheap = ["--pbkdf", "pkcs5-pbkdf2-hmac-sha256", "--rounds", "1"]
        run(["securefs", "create", *cheap, self._vault(lower)], answers=self._answers(2))

    def mount(self, lower: Path, upper: Path) -> Path:
        """Mount in the background."""
        run(["securefs", "mount", "--background", self._vault(lower), upper], answers=self._answers())
        return upper


class Encfs(Peer):
    """EncFS with its standard configuration; its key derivation always takes half a second."""

    name = "encfs"
    version_words: ClassVar[tuple[str, ...]] = ("--version",)
    cheap_password = False

    def create(self, lower: Path) -> None:
        """Make a folder: the first mount makes the rest."""
        self._vault(lower).mkdir()

    def mount(self, lower: Path, upper: Path) -> Path:
        """Mount in the background."""
        run(["encfs", "--stdinpass", "--standard", self._vault(lower), upper], answers=self._answers())
        return upper


class Cryfs(Peer):
    """CryFS with its defaults; its key derivation always takes many seconds.

    So the empty filesystem is made once and copied: it would take as long again for every job.
    """

    name = "cryfs"
    version_words: ClassVar[tuple[str, ...]] = ("--version",)
    cheap_password = False

    def create(self, lower: Path) -> None:
        """Copy the empty filesystem, and forget that others of its kind were ever seen."""
        template = self._work / "cryfs"
        if not template.exists():
            unfinished, place = self._work / "cryfs.unfinished", self._work / "cryfs.mnt"
            unfinished.mkdir()
            place.mkdir()
            self._run(unfinished, place)
            unmount(place)
            unfinished.rename(template)
        shutil.rmtree(self._state, ignore_errors=True)
        shutil.copytree(template, self._vault(lower))

    def mount(self, lower: Path, upper: Path) -> Path:
        """Mount; the daemon goes to the background when the mount answers."""
        self._run(self._vault(lower), upper)
        return upper

    @property
    def _state(self) -> Path:
        return self._work / "cryfs.state"

    def _run(self, vault: Path, place: Path) -> None:
        quiet = {"CRYFS_FRONTEND": "noninteractive", "CRYFS_NO_UPDATE_CHECK": "true"}
        run(
            ["cryfs", vault, place],
            answers=self._answers(),
            variables={**quiet, "CRYFS_LOCAL_STATE_DIR": str(self._state)},
        )


PEERS: dict[str, type[Gocryptfs | Securefs | Encfs | Cryfs]] = {
    kind.name: kind for kind in (Gocryptfs, Securefs, Encfs, Cryfs)
}
