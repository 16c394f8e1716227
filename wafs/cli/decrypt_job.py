"""Decrypt job: what `wafs whatsapp decrypt` was asked for, from the words to the result."""

import contextlib
import json
import os
import stat
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, NamedTuple

from wafs.cli.decrypt_sinks import (
    Sink,
    StandardOutput,
    exists_error,
    local_sink,
    refuse_existing,
    refuse_existing_in_vault,
    vault_sink_at,
)
from wafs.cli.decrypting import MEDIA, Decrypting, Opened, Plan, Written
from wafs.cli.encrypted_files import EncryptedFile, local_file, local_files, vault_file, vault_files
from wafs.cli.failures import Failures
from wafs.cli.interrupts import deferred_interrupts
from wafs.cli.opening import Session, opened
from wafs.cli.parameters import VaultPath, split_vault_path
from wafs.cli.progress import Progress
from wafs.cli.screen import count_words, say, size_words, tell
from wafs.cli.unlock_options import SecretSource
from wafs.cli.vault_places import inside_vault, is_vault, on_vault_mount
from wafs.cli.whatsapp_keys import ask_key, candidates_of, read_key_file
from wafs.errors import FsError, NotFoundError, UsageError, WafsError
from wafs.fs.walk import found
from wafs.vault.key_store_file import KeyStoreFile, unlocked_key_store
from wafs.whatsapp.source import Candidate

_STANDARD_OUTPUT: Final = "-"
_WORDS: Final = {"sqlite": "a database", "zip": "a ZIP archive", "json": "a text in JSON", "other": "of another kind"}


class Target(NamedTuple):
    """Where a file goes: what to call it for people, whether it is free, and how to write it.

    `plain_in` is the folder in which it then lies unencrypted.
    """

    shown: str
    refuse_existing: Callable[[], None]
    sink: Callable[[], AbstractContextManager[Sink]]
    plain_in: str | None = None


FindTarget = Callable[[Plan], Target]


class DecryptJob:
    """One run of the command.

    Raises from `run`: UsageError, WafsError, OSError, KeyboardInterrupt; click.exceptions.Exit if single files failed.
    """

    def __init__(  # noqa: PLR0913  one argument for each option
        self,
        file: str,
        output: str | None,
        *,
        key_file: str | None,
        vault: str | None,
        source: SecretSource,
        force: bool,
        as_json: bool,
    ) -> None:
        self._file = file
        self._output = output
        self._key_file = key_file
        self._key_vault = vault
        self._source = source
        self._force = force
        self._as_json = as_json
        self._stack = contextlib.ExitStack()
        self._sessions: dict[str, Session] = {}
        self._failures = Failures()
        self._plain_in: str | None = None
        self._written: set[str] = set()
        self._media = 0
        self._media_bytes = 0

    def run(self) -> None:
        """Do it all."""
        from_vault, to_vault = _in_vault(self._file), _in_vault(self._output)
        if from_vault is None and not os.path.lexists(self._file):
            msg = f"there is no file {self._file}"
            raise NotFoundError(msg)
        if to_vault is None and self._output != _STANDARD_OUTPUT:
            inside = inside_vault(self._output or ".")
            if inside is not None:
                msg = (
                    f"{self._output or 'this folder'} lies inside of the vault {inside}: it would lie there unencrypted"
                )
                raise UsageError(msg, hint=f"to put it into the vault: -o {inside}:/")
        with self._stack:
            source = self._session(from_vault, writing=_same_vault(from_vault, to_vault))
            target = self._session(to_vault, writing=True)
            is_folder, files = self._files(source, from_vault)
            candidates = self._candidates(files)
            interrupts = self._stack.enter_context(deferred_interrupts())
            progress = self._stack.enter_context(Progress("decrypt"))
            progress.expect(sum(2 * file.size for file in files))
            decrypting = Decrypting(candidates, progress, interrupts)
            find_target = self._targets(target, to_vault, is_folder=is_folder)
            for file in files:
                if is_folder:
                    try:
                        self._decrypt(decrypting, file, find_target, counts=file.is_media)
                    except (WafsError, OSError) as error:
                        self._failures.add(file.shown, error)
                else:
                    self._decrypt(decrypting, file, find_target, counts=False)
        if self._media:
            tell("", f"{count_words(self._media, 'media file')} decrypted, {size_words(self._media_bytes)}")
        if self._plain_in is not None and not on_vault_mount(self._plain_in):
            tell("warning", f"what was decrypted lies in {os.path.abspath(self._plain_in)} without any encryption")
        if is_folder and not files:
            tell("note", f"there is nothing to decrypt in {self._file}")
        self._failures.finish()

    def _session(self, place: VaultPath | None, *, writing: bool) -> Session | None:
        if place is None:
            return None
        real = os.path.realpath(place.vault)
        if real not in self._sessions:
            session = opened(place.vault, self._source, read_only=not writing)
            self._sessions[real] = self._stack.enter_context(session)
        return self._sessions[real]

    def _files(self, session: Session | None, place: VaultPath | None) -> tuple[bool, list[EncryptedFile]]:
        if session is None or place is None:
            if not os.path.isdir(self._file):
                return False, [local_file(self._file, os.path.basename(self._file))]
            return True, list(local_files(self._file, self._failures.add))
        with found(session.vfs, place.path, follow=True) as entry:
            is_folder = stat.S_ISDIR(entry.attrs.mode)
        if not is_folder:
            return False, [vault_file(session, place.path, os.path.basename(os.fsdecode(place.path)))]
        return True, list(vault_files(session, place.path, self._failures.add))

    def _candidates(self, files: list[EncryptedFile]) -> list[Candidate]:
        if self._key_file is not None:
            name = "from standard input" if self._key_file == _STANDARD_OUTPUT else self._key_file
            return [Candidate(name, read_key_file(self._key_file))]
        stores = [KeyStoreFile.of(session.vfs.vault) for session in self._sessions.values()]
        keys = [key for store in stores for key in candidates_of(store.read())]
        if self._key_vault is not None and os.path.realpath(self._key_vault) not in self._sessions:
            with unlocked_key_store(self._key_vault, self._source.get_secret) as store:
                keys += candidates_of(store.read())
        if keys:
            return keys
        if self._sessions or self._key_vault is not None:
            tell("note", "the vault keeps no keys")
        # Older backups need a file that nobody can type.
        if files and all(file.relative.endswith((".crypt12", ".crypt14")) for file in files):
            return []
        return [Candidate("that was typed", ask_key())]

    def _targets(self, session: Session | None, place: VaultPath | None, *, is_folder: bool) -> FindTarget:
        """Return how to find where a file goes."""
        named = self._output
        if session is not None and place is not None:
            into = is_folder or _is_vault_folder(session, place.path)

            def in_vault(plan: Plan) -> Target:
                name = plan.path if is_folder else os.path.basename(plan.path)
                path = os.path.join(place.path, os.fsencode(name)) if into else place.path
                shown = f"{place.vault}:{os.fsdecode(path)}"
                return Target(
                    shown,
                    lambda: refuse_existing_in_vault(session.vfs, path, shown, force=self._force),
                    lambda: vault_sink_at(session.vfs, path, force=self._force, makes_folders=is_folder),
                )

            return in_vault
        if named == _STANDARD_OUTPUT:
            if is_folder:
                msg = "a folder cannot go to standard output"
                raise UsageError(msg)
            if self._as_json:
                msg = "give only one of --json and -o -"
                raise UsageError(msg)
            output = Target("standard output", lambda: None, lambda: contextlib.nullcontext(StandardOutput()))
            return lambda _plan: output
        if is_folder:
            folder = named or f"{os.path.basename(os.path.abspath(self._file.rpartition(':')[2]))}-decrypted"
            return lambda plan: self._local(os.path.join(folder, plan.path), top=folder)
        if named is not None and not os.path.isdir(named):
            return lambda _plan: self._local(named)
        return lambda plan: self._local(os.path.join(named or "", os.path.basename(plan.path)))

    def _local(self, path: str, *, top: str | None = None) -> Target:
        return Target(
            path,
            lambda: refuse_existing(path, force=self._force),
            lambda: local_sink(path, force=self._force, makes_folders=top is not None),
            top or os.path.dirname(path) or ".",
        )

    def _decrypt(self, decrypting: Decrypting, file: EncryptedFile, find_target: FindTarget, *, counts: bool) -> None:
        """Decrypt one file; one of very many `counts` only, and has no line of its own."""
        plan = decrypting.plan(file)
        target = find_target(plan)
        # Before gigabytes are read. What this run has written, --force does not mean.
        if target.shown in self._written:
            raise exists_error(target.shown)
        target.refuse_existing()
        with decrypting.opened(plan) as found:
            if self._output == _STANDARD_OUTPUT:
                decrypting.measure(found)
            with target.sink() as sink:
                written = decrypting.write(found, sink)
        if self._output != _STANDARD_OUTPUT:
            self._written.add(target.shown)
        self._plain_in = self._plain_in or target.plain_in
        if counts and not self._as_json:
            self._media += 1
            self._media_bytes += written.size
        else:
            self._report(file, found, target.shown, written)

    def _report(self, file: EncryptedFile, found: Opened, shown: str, written: Written) -> None:
        if self._as_json:
            facts = {
                "source": file.shown,
                "output": shown,
                "kind": found.kind,
                "content": written.content,
                "size": written.size,
                "key": found.verified.label,
                "app_version": found.app_version,
            }
            say(json.dumps(facts))
            return
        what = "" if found.kind == MEDIA else f", {_WORDS[written.content]}"
        text = f"{shown}: {size_words(written.size)}{what}, opened by the key {found.verified.label}"
        tell("", text)


def _in_vault(words: str | None) -> VaultPath | None:
    """Take VAULT:PATH apart if that is what it is; what is there on this machine under that name comes first."""
    if words is None or words == _STANDARD_OUTPUT:
        return None
    if os.path.lexists(words) and not is_vault(words):
        return None
    place = split_vault_path(words)
    return place if is_vault(place.vault) else None


def _same_vault(one: VaultPath | None, other: VaultPath | None) -> bool:
    return one is not None and other is not None and os.path.realpath(one.vault) == os.path.realpath(other.vault)


def _is_vault_folder(session: Session, path: bytes) -> bool:
    try:
        with found(session.vfs, path, follow=True) as entry:
            return stat.S_ISDIR(entry.attrs.mode)
    except FsError:
        return False
