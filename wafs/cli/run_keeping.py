"""Run keeping: what becomes of what a command created and changed, when its mount is gone."""

import os

from wafs.cli.exitcodes import OK
from wafs.cli.interrupts import deferred_interrupts
from wafs.cli.messages import message_of
from wafs.cli.private_mount import Facts, Orders
from wafs.cli.progress import Progress
from wafs.cli.scratch_keep import Kept, keep_in, keep_out
from wafs.cli.scratch_report import counted, report_of, tell_failures
from wafs.cli.screen import count_words, size_words, tell
from wafs.fs.changes import Change, changes_of
from wafs.fs.vfs import Vfs


def keep_changes(vfs: Vfs, orders: Orders) -> Facts:
    """Keep what was changed outside of the folder `place`: in the folder `out`, or in `keep_in` of the vault.

    Without either it is only told. `shown` is the place in words, `code` how the command ended. Returns the exit code
    as `kept`.
    Raises: click.exceptions.Exit, WafsError, OSError.
    """
    changes = _changes_but(vfs, os.fsencode(f"/{orders['place']}"))
    what = counted(report_of(changes, [], []))
    with deferred_interrupts() as interrupts, Progress("keep") as progress:
        if orders["out"] is not None:
            os.makedirs(orders["out"], 0o700, exist_ok=True)
            kept = keep_out(vfs, changes, orders["out"], interrupts, progress)
        elif orders["keep_in"] is not None:
            kept = keep_in(vfs, changes, os.fsencode(orders["keep_in"]), interrupts, progress)
        else:
            if changes:
                tell("", f"thrown away: {what}")
            return {}
    if changes and orders["code"] != OK:
        tell("note", "the command failed; what it did until then is kept all the same")
    size = f"{count_words(kept.files, 'file')}, {size_words(kept.bytes)}"
    tell("", f"{what}; in {orders['shown']}: {size}")
    tell_failures(kept.failures)
    return {"kept": kept.code}


def keep_below(vfs: Vfs, path: bytes) -> Kept:
    """Keep in the vault what is new at and below a path of the scratch, in its place.

    Raises: WafsError, OSError.
    """
    changes = [change for change in _changes_but(vfs, b"") if _is_below(change.path, path)]
    with deferred_interrupts() as interrupts, Progress("keep") as progress:
        return keep_in(vfs, changes, b"/", interrupts, progress)


def _changes_but(vfs: Vfs, place: bytes) -> list[Change]:
    """Return what was changed, but for a folder."""

    def tell_unread(path: bytes, error: Exception) -> None:
        tell("warning", f"{os.fsdecode(path)} could not be compared: {message_of(error).text}")

    found = changes_of(vfs, tell_unread)
    return [change for change in found if not place or not _is_below(change.path, place)]


def _is_below(path: bytes, place: bytes) -> bool:
    return path == place or path.startswith(place + b"/")
