"""Export keeping: how the result of an export gets out of the mount that it was made in, or into the vault."""

import os

from wafs.cli.copy_out import CopyOut, total_size
from wafs.cli.exporter import MEDIA, Export
from wafs.cli.failures import Failures
from wafs.cli.interrupts import deferred_interrupts
from wafs.cli.opening import Session
from wafs.cli.private_mount import Facts, Orders
from wafs.cli.progress import Progress
from wafs.cli.run_keeping import keep_below
from wafs.cli.scratch_report import tell_failures
from wafs.errors import ExistsError, UsageError
from wafs.fs.vfs import Vfs
from wafs.fs.walk import found


def check_new(mountpoint: str, path: str) -> None:
    """Refuse a path of the mounted vault at which there is something already, or that is none.

    Raises: UsageError, ExistsError.
    """
    names = path.strip("/").split("/")
    if not path.strip("/") or ".." in names or "." in names:
        msg = f"{path} cannot be a new folder; give a path from the top of the vault"
        raise UsageError(msg)
    if os.path.lexists(os.path.join(mountpoint, *names)):
        msg = f"{path} is in the vault already"
        raise ExistsError(msg, hint="name a folder that is not there yet")


def orders_to_copy(export: Export, out: str, *, media: bool) -> Orders:
    """Order that the result be copied to a folder of this machine, with the media themselves for the link to them.

    Raises: OSError.
    """
    _unlink(export, export.folder)
    out = os.path.abspath(out)
    copies = {f"/{os.path.relpath(export.folder, export.mountpoint)}": out}
    if media and export.media is not None:
        copies[f"/{export.media}"] = os.path.join(out, export.media_name, MEDIA)
    return {"out": out, "copies": copies}


def orders_to_seal(export: Export, path: str, *, media: bool) -> Orders:
    """Order that the result be put at a path of the vault, with a link to the media that are there already.

    Raises: OSError.
    """
    folder = os.path.join(export.mountpoint, path.strip("/"))
    _unlink(export, export.folder)
    os.makedirs(os.path.dirname(folder), 0o700, exist_ok=True)
    os.rename(export.folder, folder)
    if media:
        export.link_media(folder)
    return {"below": f"/{path.strip('/')}"}


def keep_result(vfs: Vfs, orders: Orders) -> Facts:
    """Do what was ordered; return how many files and bytes there were, and the exit code as `kept`.

    Raises: click.exceptions.Exit if something could not be copied, KeyboardInterrupt, WafsError, OSError.
    """
    if "below" in orders:
        kept = keep_below(vfs, os.fsencode(orders["below"]))
        tell_failures(kept.failures)
        return {"files": kept.files, "bytes": kept.bytes, "kept": kept.code}
    os.makedirs(orders["out"], 0o700, exist_ok=True)
    copies = {os.fsencode(path): os.fsencode(target) for path, target in orders["copies"].items()}
    failures = Failures()
    with deferred_interrupts() as interrupts, Progress("copy") as progress:
        session = Session(vfs, interrupts)
        if progress.watched:
            progress.expect(total_size(session, copies))
        copying = CopyOut(session, failures, progress)
        for path, target in copies.items():
            with found(vfs, path) as entry:
                copying.copy(path, entry, target, contents=target == os.fsencode(orders["out"]))
    failures.finish()
    return {"files": progress.files, "bytes": progress.bytes}


def _unlink(export: Export, folder: str) -> None:
    link = os.path.join(folder, export.media_name, MEDIA)
    if os.path.islink(link):
        os.unlink(link)
