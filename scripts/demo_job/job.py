"""Job: the steps of the demonstration, in the order in which a person would take them."""

from __future__ import annotations

import shlex
import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo_job import export, look
from demo_job.screen import Screen, size
from demo_job.search import needles, readable
from demo_job.tree import Changes, copy, differences, listing
from demo_job.vault import WAFS, Vault, is_mounted, why_no_mount
from sample_backup.android import write_android
from sample_backup.plan import Options, make_plan

if TYPE_CHECKING:
    from pathlib import Path

    from demo_job.tree import Listing

INSIDE = "/backup"
"""Where the backup lies in the vault when it is put there without a mount."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything of one demonstration lies."""

    out: Path

    @property
    def vault(self) -> Path:
        """The encrypted folder."""
        return self.out / "vault"

    @property
    def mountpoint(self) -> Path:
        """Where the vault is mounted."""
        return self.out / "mount"

    @property
    def password_file(self) -> Path:
        """The password, readable by its owner only."""
        return self.out / "password.txt"

    @property
    def recovery_file(self) -> Path:
        """The recovery key, likewise."""
        return self.out / "recovery-key.txt"

    @property
    def export(self) -> Path:
        """What the export tool makes of the vault."""
        return self.out / "export"

    @property
    def scratch(self) -> Path:
        """Unencrypted working files, removed at the end."""
        return self.out / "scratch"


class Job:
    """One demonstration."""

    def __init__(self, screen: Screen, places: Places, *, backup: Path | None, keep: bool, no_mount: bool) -> None:
        self._screen = screen
        self._places = places
        self._own_backup = backup is not None
        self._backup = backup or places.scratch / "backup"
        self._keep = keep
        self._no_mount = "--no-mount was given" if no_mount else why_no_mount()
        self._vault = Vault(places.vault, password_file=places.password_file, recovery_file=places.recovery_file)
        self._changes = Changes()
        self._messages = 0

    def run(self) -> None:
        """Take all steps; unmount and tidy up whatever happens."""
        self._places.scratch.mkdir()
        try:
            found = self._look_at_backup()
            self._screen.step("Make a vault")
            self._vault.create()
            self._screen.note("password and recovery key: drawn at random, in files only you can read")
            if self._no_mount:
                self._screen.note(f"{self._no_mount}: the same job with wafs put and wafs get")
                self._without_mount(found)
            else:
                self._with_mount(found)
            self._tell(found)
        finally:
            if not self._keep:
                shutil.rmtree(self._places.scratch)

    def _look_at_backup(self) -> Listing:
        if self._own_backup:
            self._screen.step(f"Your backup: {self._backup}")
        else:
            self._screen.step("A made-up WhatsApp backup")
            write_android(make_plan(Options()), self._backup)
        found = listing(self._backup)
        self._screen.note(f"{len(found.files)} files, {size(found.bytes)}")
        for path in found.special:
            self._screen.note(f"left out, neither file, folder nor link: {path}")
        free = shutil.disk_usage(self._places.out).free
        if free < found.bytes * 1.1:
            self._screen.note(f"only {size(free)} free in {self._places.out}: this may not fit")
        return found

    def _with_mount(self, found: Listing) -> None:
        mountpoint = self._places.mountpoint
        with self._vault.mounted(mountpoint):
            self._screen.step("Mount it and copy the backup in")
            self._copy_in(found)
            self._show_ciphertext()
            self._export(mountpoint)
        self._screen.step("Unmount and look for anything readable in the vault")
        problems = [f"still mounted: {mountpoint}"] if is_mounted(mountpoint) else []
        self._screen.check("the vault is closed", problems)
        self._search(found)
        self._screen.step("Mount it again with the password and compare with the original")
        with self._vault.mounted(mountpoint):
            self._compare(mountpoint, found)

    def _without_mount(self, found: Listing) -> None:
        self._screen.step("Copy the backup in: wafs put")
        self._vault.put(self._backup, INSIDE)
        self._show_ciphertext()
        self._screen.step("Look for anything readable in the vault")
        self._search(found)
        self._screen.step("Copy it out again, wafs get, and compare with the original")
        restored = self._places.scratch / "restored"
        self._vault.get(INSIDE, restored)
        self._compare(restored, found)
        self._export(restored)

    def _copy_in(self, found: Listing) -> None:
        began = time.monotonic()
        with self._screen.progress("copying in", found.bytes) as advance:
            copy(self._backup, self._places.mountpoint, found, advance)
        elapsed_s = max(time.monotonic() - began, 1e-3)
        speed = size(found.bytes / elapsed_s)
        self._screen.note(f"{len(found.files)} files in {elapsed_s:.1f} s, {speed} a second")

    def _show_ciphertext(self) -> None:
        self._screen.step("What a thief, or the cloud, would see of it")
        self._screen.show(look.ciphertext(self._places.vault))

    def _export(self, shown: Path) -> None:
        if not export.has_messages(self._backup):
            self._screen.note("no msgstore.db in this backup: nothing for an export tool to read")
            return
        where = "the copy" if self._no_mount else "the mounted vault"
        self._screen.step(f"Run whatsapp-chat-exporter on {where}")
        plain = self._places.scratch / "shown"
        export.stand_in(self._backup, plain)
        vault_json = export.export(shown, self._places.export)
        plain_json = export.export(plain, self._places.scratch / "export")
        chats, self._messages = export.count(vault_json)
        self._screen.note(f"{chats} chats, {self._messages} messages and calls exported")
        problems = export.compare(plain_json, plain, vault_json, shown)
        self._screen.check("its JSON equals that of the same tool on the plain folder", problems)
        self._changes = export.changes_made(self._backup, plain)

    def _search(self, found: Listing) -> None:
        vault_bytes = listing(self._places.vault).bytes
        wanted = needles(self._backup, found, vault_bytes)
        with self._screen.progress("searching", vault_bytes) as advance:
            problems = readable(self._places.vault, wanted, advance)
        number = f"{len(wanted.chosen)}"
        if wanted.known > len(wanted.chosen):
            number += f" (of {wanted.known}, chosen at random)"
        claim = f"none of {number} names, texts and pieces of media is in {size(vault_bytes)}"
        self._screen.check(claim, problems)

    def _compare(self, copied: Path, found: Listing) -> None:
        with self._screen.progress("comparing", found.bytes) as advance:
            problems = differences(self._backup, copied, self._changes, advance)
        what = "names, bytes, times (to the nanosecond) and modes are those of the original"
        self._screen.check(f"{len(found.files)} files: {what}", problems)
        if self._changes.files:
            added = len(self._changes.files)
            self._screen.note(f"and {added} files the export tool wrote are as on the plain folder")

    def _tell(self, found: Listing) -> None:
        screen, places = self._screen, self._places
        lines = [
            f"the vault          {places.vault}",
            f"its password       {places.password_file}",
            f"its recovery key   {places.recovery_file}",
        ]
        if self._messages:
            lines.append(f"the HTML export    {places.export / 'html'}")
            lines.append("                   (not encrypted: delete it when you have seen it)")
        if self._keep:
            lines.append(f"working files      {places.scratch}  (not encrypted)")
        lines += ["", *self._how_to_open()]
        if screen.failures:
            screen.closing(f"{len(screen.failures)} checks failed", lines)
            return
        went = f"{len(found.files)} files went in, were used, and came out unchanged."
        checks = f"All {screen.passed} checks passed in {screen.elapsed_s:.0f} seconds."
        known = "Without the password it tells how many files there are, how big and how old."
        screen.closing(f"{went}\n{known}\n{checks}", lines)

    def _how_to_open(self) -> list[str]:
        wafs, vault, mountpoint, password = (
            shlex.quote(str(path))
            for path in (
                WAFS,
                self._places.vault,
                self._places.mountpoint,
                self._places.password_file,
            )
        )
        if self._no_mount:
            return ["To look into it:", f"  {wafs} ls {vault} {INSIDE} --password-file {password}"]
        return [
            "To open it, and to close it again:",
            f"  {wafs} mount {vault} {mountpoint} --password-file {password}",
            f"  {wafs} umount {mountpoint}",
            *(["While it is open, the HTML export shows its pictures."] if self._messages else []),
        ]
