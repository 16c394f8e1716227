"""Bench: makes vaults, mounts them and sees that everything ends, below one folder of one test."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from mount.daemon import WAFS, WAIT_S, Daemon, start
from wafs.format.slot import Argon2Cost
from wafs.fs.vfs import Vfs
from wafs.vault.vault import create_vault, open_vault

if TYPE_CHECKING:
    from pathlib import Path

PASSWORD = b"correct horse"
CHEAP = Argon2Cost(8192, 1, 1)


class Refusal(NamedTuple):
    """How a command ended."""

    code: int
    text: str


@dataclass
class Bench:
    """What one test works with; `folder` is its own."""

    folder: Path
    daemons: list[Daemon] = field(default_factory=list)

    @property
    def password_file(self) -> Path:
        """A file with the password of every vault made here."""
        path = self.folder / "password"
        if not path.exists():
            path.write_bytes(PASSWORD + b"\n")
        return path

    def vault(self, path: Path | None = None) -> Path:
        """Make a vault."""
        path = path or self.folder / "vault"
        create_vault(str(path), PASSWORD, recovery_key=None, cost=CHEAP)
        return path

    def vfs(self, vault: Path, *, read_only: bool = True) -> Vfs:
        """Open a vault without a mount."""
        return Vfs(open_vault(str(vault), lambda kind: PASSWORD if kind == "password" else None, read_only=read_only))

    def mount_command(self, vault: Path, place: Path, *options: str) -> list[str]:
        """The command line that mounts and stays."""
        password = ("--password-file", str(self.password_file))
        return [*WAFS, "mount", str(vault), str(place), *password, "--foreground", *options]

    def mount(self, vault: Path, *options: str, at: str | Path = "mnt") -> Daemon:
        """Mount a vault and return when it answers."""
        place = self.folder / at
        if not self.is_mountpoint(place):
            place.mkdir(exist_ok=True)
        log = self.folder / f"daemon-{len(self.daemons)}.log"
        daemon = start(self.mount_command(vault, place, *options), vault, place, log)
        self.daemons.append(daemon)
        return daemon

    def remount(self, daemon: Daemon, *options: str) -> Daemon:
        """Unmount and mount again at the same place: nothing is cached any more."""
        daemon.unmount()
        return self.mount(daemon.vault, *options, at=daemon.place)

    def is_mountpoint(self, place: Path) -> bool:
        """Tell whether a mount of this test lies here, dead ones included, which mkdir would stumble over."""
        return any(daemon.place == place for daemon in self.daemons)

    def refused(self, vault: Path, place: Path, *options: str) -> Refusal:
        """Try to mount, see it fail, and return how."""
        return self.wafs(*self.mount_command(vault, place, *options)[len(WAFS) :])

    def wafs(self, *words: str | Path) -> Refusal:
        """Run a command of wafs and return how it ended."""
        command = [*WAFS, *map(str, words)]
        result = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=WAIT_S,
            check=False,
        )
        text = result.stdout.decode("utf-8", "replace")
        assert "Traceback" not in text, text
        return Refusal(result.returncode, text)

    def finish(self) -> list[str]:
        """End all mounts, newest first, and return what the daemons complained of."""
        for daemon in reversed(self.daemons):
            daemon.clean_up()
        return [line for daemon in self.daemons for line in daemon.complaints()]
