"""Scratch end: what happens when the mount of a scratch ends: it is told what was changed, and kept what was wanted."""

import contextlib
import logging

import click

from wafs.cli.interrupts import deferred_interrupts
from wafs.cli.messages import Message, message_of
from wafs.cli.progress import Progress
from wafs.cli.scratch_keep import Kept, check_target, keep_in, keep_out, make_folder
from wafs.cli.scratch_pipe import ReportSender, SentProgress
from wafs.cli.scratch_report import Report, code_of, counted, report_of, tell_report
from wafs.fs.changes import changes_of
from wafs.fs.vfs import Vfs

_log = logging.getLogger(__name__)


class ScratchEnd:
    """The end of one mount. `keep` is a folder of this machine, `keep_in` one of the vault; each may be None.

    Thread: `report_to` is called from one of the mount's, the rest from the main one.
    """

    def __init__(self, *, foreground: bool, keep: str | None, keep_in: bytes | None) -> None:
        self._foreground = foreground
        self._keep = keep
        self._keep_in = keep_in
        self._place: bytes | None = None

    def report_to(self, place: bytes) -> None:
        """Send the report to this FIFO."""
        self._place = place

    def check(self, vfs: Vfs) -> None:
        """Refuse what cannot be kept as it is wanted, and make the folder for it, before anything is mounted.

        Raises: UsageError, DamageError, OSError.
        """
        if self._keep_in is not None:
            check_target(vfs, self._keep_in)
        if self._keep is not None:
            make_folder(self._keep)

    def finish(self, vfs: Vfs) -> None:
        """Keep and tell, when nobody uses the mount any more. Names go to the terminal or the FIFO, never to a log.

        Raises: click.exceptions.Exit in the foreground if something could not be kept; WafsError, OSError.
        """
        sender = ReportSender(self._place)
        with contextlib.closing(sender):
            report = self._report(vfs, sender)
            sender.report(report)
            # Who was tired of waiting heard nothing of it.
            is_told = sender.is_heard
        code = code_of(report)
        if self._foreground:
            tell_report(report)
            if code:
                raise click.exceptions.Exit(code)
        else:
            _log.info("in the scratch: %s", counted(report))
            if code and not is_told:
                _log.error("of what was changed in the scratch not all could be kept, and the rest is lost")

    def _report(self, vfs: Vfs, sender: ReportSender) -> Report:
        unread: list[tuple[bytes, Message]] = []
        changes = changes_of(vfs, lambda path, error: unread.append((path, message_of(error))))
        kept: list[Kept] = []
        with deferred_interrupts() as interrupts:
            if self._keep is not None:
                with self._progress(sender) as progress:
                    kept.append(keep_out(vfs, changes, self._keep, interrupts, progress))
            if self._keep_in is not None:
                with self._progress(sender) as progress:
                    kept.append(keep_in(vfs, changes, self._keep_in, interrupts, progress))
        return report_of(changes, unread, kept)

    def _progress(self, sender: ReportSender) -> Progress:
        return Progress("keep") if self._foreground else SentProgress("keep", sender)
