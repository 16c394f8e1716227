"""Decrypt view: plain files beside the encrypted backups of a vault that is open with a scratch.

They are written into the scratch, sealed as all that is there, and the vault itself gets nothing of them.
"""

import os
import re
from collections.abc import Iterable, Sequence
from typing import Final

from wafs.cli.backup_search import backup_paths
from wafs.cli.decrypt_sinks import vault_sink
from wafs.cli.decrypting import Decrypting
from wafs.cli.encrypted_files import EncryptedFile, vault_file
from wafs.cli.interrupts import deferred_interrupts
from wafs.cli.messages import message_of
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.cli.screen import count_words, tell
from wafs.cli.whatsapp_keys import candidates_of
from wafs.errors import NotFoundError, WafsError
from wafs.fs.attrs import SetAttrs
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found, found_parent
from wafs.vault.key_store_file import KeyStoreFile
from wafs.whatsapp.source import Candidate

LATEST: Final = "latest"
"""Not those with a date in their name, of which a phone keeps one for each of the last days."""
ALL: Final = "all"

_DATED: Final = re.compile(r"-([0-9]{4}-[0-9]{2}-[0-9]{2}|increment)\b")
_READABLE: Final = 0o444


def decrypt_backups(vfs: Vfs, which: str) -> None:
    """Make a plain file beside each backup for which the vault keeps a key; what is there is left as it is.

    What fails is told, and all else goes on. The new files count as part of the vault, not as changes.
    Raises: KeyboardInterrupt.
    """
    try:
        candidates = candidates_of(KeyStoreFile.of(vfs.vault).read())
    except (WafsError, OSError) as error:
        _complain("the keys that the vault keeps", error)
        return
    if not candidates:
        tell("warning", "no backup is decrypted: the vault keeps no keys")
        tell("hint", "put one in with: wafs whatsapp key add")
        return
    with deferred_interrupts() as interrupts, Progress("decrypt") as progress:
        session = Session(vfs, interrupts)
        files = list(_wanted([vault_file(session, path, os.fsdecode(path)) for path in backup_paths(session)], which))
        progress.expect(sum(2 * file.size for file in files))
        done = _View(session, candidates, progress).make(files)
    _settle(vfs)
    tell("", f"{count_words(done, 'backup')} decrypted for this mount")


def _settle(vfs: Vfs) -> None:
    """Take the new files for part of the vault, when they are written to their end."""
    try:
        vfs.commits.finish()
    except (WafsError, OSError) as error:
        _complain("what waits in the journal", error)
    if vfs.vault.scratch is not None:
        vfs.vault.scratch.settle()


def _wanted(files: Iterable[EncryptedFile], which: str) -> list[EncryptedFile]:
    """Return the newest first, and of those that would get the same name only the newest."""
    chosen: dict[str, EncryptedFile] = {}
    for file in sorted(files, key=lambda file: file.mtime_ns, reverse=True):
        if which == ALL or not _DATED.search(os.path.basename(file.relative)):
            chosen.setdefault(file.plain_path, file)
    return list(chosen.values())


class _View:
    def __init__(self, session: Session, candidates: Sequence[Candidate], progress: Progress) -> None:
        self._vfs = session.vfs
        self._decrypting = Decrypting(candidates, progress, session.interrupts)

    def make(self, files: list[EncryptedFile]) -> int:
        """Make the plain files, and return how many."""
        done = 0
        for file in files:
            try:
                if self._is_free(os.fsencode(file.plain_path)):
                    self._make_one(file)
                    done += 1
                else:
                    tell("note", f"{file.plain_path} is there already, and is left as it is")
            except (WafsError, OSError) as error:
                _complain(file.shown, error)
        return done

    def _is_free(self, path: bytes) -> bool:
        try:
            with found(self._vfs, path):
                return False
        except NotFoundError:
            return True

    def _make_one(self, file: EncryptedFile) -> None:
        with found(self._vfs, os.fsencode(file.shown), follow=True) as entry:
            original = entry.attrs
        path = os.fsencode(file.plain_path)
        opening = self._decrypting.opened(self._decrypting.plan(file))
        with opening as opened, found_parent(self._vfs, path) as (parent, name):
            with vault_sink(self._vfs, parent.ino, name, force=False, mode=original.mode & _READABLE) as sink:
                self._decrypting.write(opened, sink)
            if os.geteuid() == 0:
                with found(self._vfs, path) as made:
                    self._vfs.attributes.set(made.ino, SetAttrs(uid=original.uid, gid=original.gid))
            times = SetAttrs(atime=parent.attrs.atime_ns, mtime=parent.attrs.mtime_ns)
            self._vfs.attributes.set(parent.ino, times)


def _complain(what: str, error: WafsError | OSError) -> None:
    text, hint = message_of(error)
    tell("warning", f"not decrypted: {what}: {text}")
    if hint:
        tell("hint", hint)
