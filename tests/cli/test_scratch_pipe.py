"""A report of what was changed arrives whole, in a time that grows with its size only."""

from __future__ import annotations

import os
import threading
import time

from wafs.cli.progress import Progress
from wafs.cli.scratch_pipe import ReportSender, report_pipe


def test_a_large_report_does_not_take_for_ever() -> None:
    report = {"changes": ["x" * (64 << 20)], "kept": []}
    ended, end = os.pipe()
    with report_pipe() as pipe, Progress("keep") as progress:

        def send() -> None:
            sender = ReportSender(os.fsencode(pipe.path))
            sender.report(report)
            sender.close()
            os.close(end)

        began = time.monotonic()
        sending = threading.Thread(target=send)
        sending.start()
        assert pipe.wait(ended, progress) == report
        sending.join()
        assert time.monotonic() - began < 8
    os.close(ended)
