"""`wafs salvage`: copy out of a damaged vault everything that can be read."""

import contextlib
import os
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.check.opening import Patient
    from wafs.check.salvage_report import Item, Report
    from wafs.cli.interrupts import Interrupts
    from wafs.cli.progress import Progress

_SHOWN = 20
_SHOWN_OF_A_KIND = 5
_WORDS = {
    "lost": "lost",
    "damaged": "saved in part",
    "refused": "not saved",
    "unnamed": "saved without its name",
    "attributes": "saved without some attributes",
    "conflict": "second version",
    "left-out": "left out",
}
"""The worst first, as they are shown."""
_ALL_OF_THEM = ("lost", "damaged", "refused")
"""Of these as many as possible are shown, of the others a few."""
_EXAMPLES = (
    Example("wafs salvage vault ~/rescued", "save all that can be read, and a report wafs-salvage.json"),
    Example("wafs salvage vault rescued --json-report report.json", "keep a second copy of the report"),
    Example("wafs salvage vault usb --force", "go on in a folder that is not empty"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.option("--force", is_flag=True, help="Save into DEST even if it is not empty; files of one name are replaced.")
@click.option("--json-report", type=LOCAL_PATH, metavar="FILE", help="Write the report to FILE, too.")
@click.argument("vault", type=LOCAL_PATH)
@click.argument("dest", type=LOCAL_PATH)
@unlock_options
def salvage(*, vault: str, dest: str, force: bool, json_report: str | None, source: SecretSource) -> None:
    """Copy everything that can be read of VAULT to DEST.

    DEST is a new or empty folder; VAULT is not changed. Nothing stops at what is damaged: a damaged file is saved with
    zeros in place of the bytes that are lost, and files and folders whose names are lost go to the folder
    wafs-lost+found in DEST. All that is not whole is listed in DEST/wafs-salvage.json, with the bytes concerned. Kept
    are times, permission bits, symlinks and attributes in user.*, as with wafs get.

    The exit code is 0 if all was whole, and 5 if something was damaged. Ctrl-C leaves the files saved so far.
    """
    from wafs.check.opening import opened
    from wafs.cli.interrupts import deferred_interrupts
    from wafs.cli.progress import Progress
    from wafs.errors import HeaderDamageError, UsageError
    from wafs.vault.header_file import NO_HEADER_HINT

    real = os.path.realpath(vault)
    if os.path.commonpath([real, os.path.realpath(dest)]) == real:
        msg = f"{dest} lies inside the vault: what is saved would lie there unencrypted"
        raise UsageError(msg, hint="choose a place outside of the vault")
    with contextlib.ExitStack() as stack:
        patient = stack.enter_context(opened(real, source.get_secret))
        if patient is None:
            msg = "both copies of the vault header are damaged, and without one nothing can be decrypted"
            raise HeaderDamageError(msg, hint=NO_HEADER_HINT)
        _prepare(dest, force=force)
        interrupts = stack.enter_context(deferred_interrupts())
        progress = stack.enter_context(Progress("salvage"))
        report = _salvage(patient, dest, json_report, _Watch(interrupts, progress))
    progress.summarise()
    _show(report, dest)
    _tell_of_keys(real)
    _end(report)


def _tell_of_keys(vault: str) -> None:
    """Keys are no files, and what is saved lies there unencrypted: they are not among it."""
    from wafs.cli.screen import tell
    from wafs.vault.key_store_file import KEY_STORE_NAME

    if os.path.lexists(os.path.join(vault, KEY_STORE_NAME)):
        tell("note", f"the keys that the vault keeps for other files are not saved: they stay in {KEY_STORE_NAME}")
        tell("hint", "wafs whatsapp key list shows them, and wafs whatsapp key show prints one")


class _Watch:
    """Shows a person where it is, and asks whether to go on."""

    def __init__(self, interrupts: "Interrupts", progress: "Progress") -> None:
        self._interrupts = interrupts
        self.progress = progress

    def entering(self, path: bytes) -> None:
        self._interrupts.check()
        self.progress.begin(os.path.basename(path))
        self.progress.done()

    def advanced(self, size: int) -> None:
        self._interrupts.check()
        self.progress.advance(size)


def _prepare(dest: str, *, force: bool) -> None:
    from wafs.errors import ExistsError, NotADirError, NotFoundError

    if not os.path.lexists(dest):
        if not os.path.isdir(os.path.dirname(dest.rstrip("/")) or "."):
            msg = f"there is no folder {os.path.dirname(dest.rstrip('/'))}"
            raise NotFoundError(msg, hint="make it first")
        os.mkdir(dest, 0o700)
    elif not os.path.isdir(dest):
        msg = f"{dest} is not a folder"
        raise NotADirError(msg)
    # A freshly made disk has a folder of this name.
    elif not force and set(os.listdir(dest)) - {"lost+found"}:
        msg = f"{dest} is not empty, wanted a new or empty folder"
        raise ExistsError(msg, hint="choose another one, or add --force to save into it all the same")


def _salvage(patient: "Patient", dest: str, copy: str | None, watch: _Watch) -> "Report":
    """Save everything, and write the report whatever happens."""
    from wafs.check.salvage import Salvage
    from wafs.check.salvage_entries import words_of
    from wafs.check.salvage_report import REPORT_NAME, Report, ReportFile
    from wafs.check.salvage_target import Target
    from wafs.cli.screen import tell
    from wafs.store.local import LocalStore

    with contextlib.ExitStack() as stack:
        paths = [os.path.join(dest, REPORT_NAME), *([] if copy is None else [copy])]
        files = [stack.enter_context(ReportFile(path, Report(patient.path))) for path in paths]
        store = LocalStore(os.path.realpath(dest))
        stack.callback(store.shut)
        handle = store.open_dir(None, b".")
        stack.callback(store.close, handle)
        target = Target(store, handle, files[0].identity)
        stack.callback(target.close)
        work = Salvage(patient, target, watch)
        stack.callback(work.close)
        try:
            if watch.progress.watched:
                watch.progress.expect(work.total_size())
            work.run()
        except KeyboardInterrupt:
            work.report.stopped = "interrupted"
            tell("note", f"stopped; what was saved so far is complete, and listed in {paths[0]} is what was damaged")
            raise
        except OSError as error:
            work.report.stopped = words_of(error)
            tell("note", f"stopped: {dest} takes nothing more; what was saved so far is complete")
            raise
        finally:
            for path, file in zip(paths, files, strict=True):
                try:
                    file.write(work.report)
                except OSError as error:
                    tell("warning", f"the report {path} could not be written: {words_of(error)}")
        return work.report


def _show(report: "Report", dest: str) -> None:
    from wafs.check.salvage_report import REPORT_NAME
    from wafs.cli.screen import count_words, say, size_words

    whole = f"{count_words(report.files_whole, 'whole file')} and {count_words(report.folders, 'folder')} saved"
    say(f"{whole}, {size_words(report.bytes_saved)}")
    if report.files_damaged:
        what = "bytes of it that are lost" if report.files_damaged == 1 else "bytes of them that are lost"
        say(f"{count_words(report.files_damaged, 'file')} saved in part, or not proven to be whole: {what} are zeros")
    if report.files_lost:
        what = "it" if report.files_lost == 1 else "them"
        say(f"{count_words(report.files_lost, 'file')} could not be saved: nothing of {what} can be read")
    shown = _chosen(report.items)
    for item in shown:
        _show_item(item)
    if len(report.items) > len(shown):
        say(f"and {len(report.items) - len(shown):,} more in the report")
    if report.items:
        say(f"all of it is in {os.path.join(dest, REPORT_NAME)}")


def _chosen(items: "list[Item]") -> "list[Item]":
    """Return the items that a person should see: a folder without names must not hide a photo that is lost."""
    chosen: list[Item] = []
    for kind in _WORDS:
        found = [item for item in items if item.what.value == kind]
        chosen += found[: _SHOWN if kind in _ALL_OF_THEM else _SHOWN_OF_A_KIND]
    return chosen[:_SHOWN]


def _show_item(item: "Item") -> None:
    from wafs.cli.screen import count_words, escape, say

    words = _WORDS[item.what.value]
    if item.what.value == "damaged" and not item.gaps:
        words = "saved, not proven to be whole"
    say(f"  {words}: {escape(item.path or item.saved_as or item.entry)}")
    if item.saved_as is not None and item.path is not None and item.saved_as != item.path.lstrip(b"/"):
        say(f"      saved as {escape(item.saved_as)}")
    for problem in item.problems:
        say(f"      {escape(problem)}")
    lost = sum(gap.stop - gap.start for gap in item.gaps)
    if lost:
        first = item.gaps[0]
        more = f", and {count_words(len(item.gaps) - 1, 'more range')}" if len(item.gaps) > 1 else ""
        say(f"      {count_words(lost, 'byte')} lost: {first.start:,} to {first.stop - 1:,}{more}")


def _end(report: "Report") -> None:
    from wafs.cli.exitcodes import DAMAGED, STORAGE
    from wafs.cli.screen import tell

    if report.is_damaged:
        tell("hint", "restore what is damaged from a backup, if there is one; check it with the program it belongs to")
        raise click.exceptions.Exit(DAMAGED)
    if report.is_refused:
        raise click.exceptions.Exit(STORAGE)
