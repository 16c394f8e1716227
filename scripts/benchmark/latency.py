"""Latency: how long a small read takes while another program writes a lot."""

from __future__ import annotations

import os
import random
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from benchmark.failure import BenchError
from benchmark.stats import percentile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark.place import Place
    from benchmark.scale import Scale

MIB = 1 << 20
PAGE = 4096


def run_job(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `latency`: cold random reads of one file while another is written."""
    path = place.path("read.bin")
    block = random.Random(scale.seed).randbytes(MIB)
    with open(path, "wb") as file:
        for _ in range(scale.big_file // MIB):
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    place.cold()
    pages = scale.big_file // PAGE
    offsets = random.Random(scale.seed).sample(range(pages), min(pages, scale.latency_reads))
    with _writing(place.path("write.bin"), scale.big_file // MIB) as keep_writing:
        seconds = _read_all(path, offsets, keep_writing)
    place.keep("lat-p50", percentile(seconds, 50) * 1e6)
    place.keep("lat-p99", percentile(seconds, 99) * 1e6)


def _read_all(path: str, offsets: list[int], keep_writing: _Writer) -> list[float]:
    seconds = []
    fd = os.open(path, os.O_RDONLY)
    try:
        for number, page in enumerate(offsets):
            if number % 50 == 0:
                keep_writing.go_on()
            begin = time.perf_counter()
            got = len(os.pread(fd, PAGE, page * PAGE))
            seconds.append(time.perf_counter() - begin)
            if got != PAGE:
                msg = f"{got} bytes of a page from {path}"
                raise BenchError(msg)
    finally:
        os.close(fd)
    return seconds


class _Writer:
    """dd in a process of its own, so that the interpreter of the reader is not shared."""

    def __init__(self, path: str, mib: int) -> None:
        self._command = ["dd", "if=/dev/zero", f"of={path}", "bs=1M", f"count={mib}", "conv=fsync", "status=none"]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, start_new_session=True)

    def go_on(self) -> None:
        """Begin again when the file is complete.

        Raises:
            BenchError: the writer failed.
        """
        code = self.process.poll()
        if code == 0:
            self.start()
        elif code is not None:
            msg = f"exit code {code} from: {' '.join(self._command)}"
            raise BenchError(msg)


@contextmanager
def _writing(path: str, mib: int) -> Iterator[_Writer]:
    writer = _Writer(path, mib)
    try:
        yield writer
    finally:
        writer.process.kill()
        writer.process.wait()
