"""Scratch keep: what was written in a scratch is copied out of it, or back into the vault, before it is thrown away."""

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from typing import NamedTuple

import click

from wafs.cli.copy_across import CopyAcross
from wafs.cli.copy_out import CopyOut
from wafs.cli.exitcodes import INTERRUPTED, exit_code_of
from wafs.cli.failures import Failures
from wafs.cli.interrupts import Interrupts
from wafs.cli.messages import Message, message_of
from wafs.cli.opening import Session
from wafs.cli.progress import Progress
from wafs.errors import ExistsError, NotSupportedError, UsageError, WafsError
from wafs.fs.attrs import Entry
from wafs.fs.changes import Change
from wafs.fs.vfs import Vfs
from wafs.fs.walk import OnError, found, parts_of, walk
from wafs.units import ROOT_INO, Ino
from wafs.vault.vault import reopen_vault


class Kept(NamedTuple):
    """What was copied, where to, what could not be, and the exit code that this gives."""

    place: str
    files: int
    bytes: int
    failures: list[Message]
    code: int


def check_outside(vault: str, mountpoint: str, place: str) -> str:
    """Return the full path of a place of this machine that lies neither in the vault nor in the mount.

    Raises: UsageError.
    """
    real = os.path.realpath(place)
    for other, what in ((vault, "the vault"), (mountpoint, "the mountpoint")):
        above = os.path.realpath(other)
        if os.path.commonpath([above, real]) == above:
            msg = f"{place} lies inside {what}"
            raise UsageError(msg, hint="choose a place outside of it")
    return real


def check_folder(vault: str, mountpoint: str, place: str) -> str:
    """Return the full path of the folder that is to get what was written; it has no entries, or is not there yet.

    Raises: UsageError, OSError.
    """
    real = check_outside(vault, mountpoint, place)
    if os.path.lexists(real):
        if os.listdir(real):
            msg = f"{place} is not empty, and nothing in it is to be replaced"
            raise UsageError(msg, hint="choose a new or empty folder")
    else:
        os.stat(os.path.dirname(real))
    return real


def make_folder(place: str) -> None:
    """Make the folder that is to get what was written.

    Raises: OSError.
    """
    with contextlib.suppress(FileExistsError):
        os.mkdir(place, 0o700)


def check_target(vfs: Vfs, path: bytes) -> None:
    """Refuse a path of the vault that cannot be a folder.

    Raises: UsageError, DamageError, OSError.
    """
    where = b""
    for name in parts_of(path):
        if name == b"..":
            msg = f"{os.fsdecode(path)} goes up; give a path from the top of the vault"
            raise UsageError(msg)
        where += b"/" + name
        try:
            with found(vfs, where) as entry:
                if stat.S_ISDIR(entry.attrs.mode):
                    continue
        except WafsError:
            return
        msg = f"{os.fsdecode(where)} in the vault is not a folder"
        raise UsageError(msg)


def keep_out(vfs: Vfs, changes: list[Change], place: str, interrupts: Interrupts, progress: Progress) -> Kept:
    """Copy what was created, changed or moved to a folder of this machine; nothing that is there is replaced."""
    failures = Failures()
    copying = CopyOut(Session(vfs, interrupts), failures, progress)
    top = os.fsencode(place)
    folders: list[bytes] = []

    def put(path: bytes, entry: Entry) -> None:
        if stat.S_ISDIR(entry.attrs.mode):
            folders.append(path)
        elif os.path.lexists(top + path):
            msg = f"{os.fsdecode(top + path)} is there already, and is not replaced"
            raise ExistsError(msg)
        elif stat.S_IFMT(entry.attrs.mode) not in (stat.S_IFREG, stat.S_IFLNK):
            msg = "neither a file, a folder nor a symlink"
            raise NotSupportedError(msg)
        copying.copy_one(path, entry, top + path)

    def keep() -> None:
        paths = list(_wanted(vfs, changes, failures.add))
        _expect(vfs, paths, progress, interrupts)
        _for_each(vfs, paths, put, failures.add, interrupts)
        for path in reversed(folders):
            with _telling(path, failures.add), found(vfs, path) as entry:
                copying.finish_folder(entry, top + path)

    messages, code = _guarded(keep, failures)
    return Kept(place, progress.files, progress.bytes, messages, code)


def keep_in(vfs: Vfs, changes: list[Change], path: bytes, interrupts: Interrupts, progress: Progress) -> Kept:
    """Copy what was created, changed or moved into a folder of the vault, which is opened for writing.

    Files of the same name there are replaced when everything was copied, and not at all if something that was moved
    could not be. The lock of the scratch is given back for that.
    """
    failures = Failures()
    lost: list[bytes] = []

    def on_error(where: bytes, error: Exception) -> None:
        lost.append(where + b"/")
        failures.add(where, error)

    def keep() -> None:
        # All of them before anything is written: a folder that was moved shows what comes to where it was.
        paths = list(_wanted(vfs, changes, on_error))
        _expect(vfs, paths, progress, interrupts)
        if vfs.vault.lock is not None:
            vfs.vault.lock.release()
        with (
            Vfs(reopen_vault(vfs.vault, read_only=False)) as target,
            CopyAcross(Session(vfs, interrupts), target, failures, progress) as copying,
        ):
            folders = _seal(vfs, paths, copying, path, on_error, interrupts)
            moved = tuple(change.path + b"/" for change in changes if change.kind == "moved")
            copying.finish(replace=not any(where.startswith(moved) for where in lost))
            for where, made in reversed(folders.items()):
                if where:
                    with _telling(where, on_error), found(vfs, where) as entry:
                        copying.set_attributes(made, entry)

    messages, code = _guarded(keep, failures)
    return Kept(f"{os.fsdecode(path)} of the vault", progress.files, progress.bytes, messages, code)


def _seal(
    vfs: Vfs, paths: list[bytes], copying: CopyAcross, path: bytes, on_error: OnError, interrupts: Interrupts
) -> dict[bytes, Ino]:
    """Copy into the folder `path` of the vault; return the folders there by their paths in the scratch."""
    number = Ino(ROOT_INO)
    for name in parts_of(path):
        number = copying.folder(number, name).ino
    # Held until the vault is closed.
    folders: dict[bytes, Ino] = {b"": number}

    def put(where: bytes, entry: Entry) -> None:
        above, _, name = where.rpartition(b"/")
        if stat.S_ISDIR(entry.attrs.mode):
            folders[where] = copying.folder(folders[above], name).ino
        else:
            copying.copy_one(where, entry, folders[above], name)

    _for_each(vfs, paths, put, on_error, interrupts)
    return folders


def _expect(vfs: Vfs, paths: list[bytes], progress: Progress, interrupts: Interrupts) -> None:
    """Tell who watches how many bytes are to be copied; what cannot be read is told when it is copied."""
    if not progress.watched:
        return
    total = 0

    def add(path: bytes, entry: Entry) -> None:
        nonlocal total
        del path
        total += entry.attrs.size if stat.S_ISREG(entry.attrs.mode) else 0

    _for_each(vfs, paths, add, lambda _path, _error: None, interrupts)
    progress.expect(total)


def _for_each(
    vfs: Vfs, paths: list[bytes], put: Callable[[bytes, Entry], None], on_error: OnError, interrupts: Interrupts
) -> None:
    """Give each path that is to be copied to `put`, and before it the folders that it lies in."""
    made: set[bytes] = {b""}
    for path in paths:
        interrupts.check()
        names = path.split(b"/")
        with _telling(path, on_error):
            for count in range(2, len(names) + 1):
                where = b"/".join(names[:count])
                if where not in made:
                    with found(vfs, where) as entry:
                        put(where, entry)
                    made.add(where)


def _wanted(vfs: Vfs, changes: list[Change], on_error: OnError) -> Iterator[bytes]:
    """Yield the paths of what is to be copied; a folder that moved with all that is in it."""
    whole: bytes | None = None
    for change in sorted(changes, key=lambda change: change.path.split(b"/")):
        is_taken = whole is not None and change.path.startswith(whole)
        if is_taken or change.kind == "deleted" or (change.is_dir and change.kind == "changed"):
            continue
        yield change.path
        if change.is_dir and change.kind == "moved":
            whole = change.path + b"/"
            with _telling(change.path, on_error), found(vfs, change.path) as entry:
                for step in walk(vfs, entry.ino, change.path, on_error):
                    if not step.leaving:
                        yield step.path


@contextlib.contextmanager
def _telling(path: bytes, on_error: OnError) -> Iterator[None]:
    try:
        yield
    except (WafsError, OSError) as error:
        on_error(path, error)


def _guarded(keep: Callable[[], None], failures: Failures) -> tuple[list[Message], int]:
    """Return what failed, and the exit code; the rest of what was to be kept is then lost."""
    try:
        keep()
    except KeyboardInterrupt:
        return [*failures.messages, Message("interrupted: the rest was not kept")], INTERRUPTED
    except click.exceptions.Exit as gave_up:
        return [*failures.messages, Message("nothing more was tried: the rest was not kept")], gave_up.exit_code
    except (WafsError, OSError) as error:
        return [*failures.messages, message_of(error)], exit_code_of(error)
    return failures.messages, failures.code
