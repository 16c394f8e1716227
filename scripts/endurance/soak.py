"""Soak: the command line of scripts/soak."""

from __future__ import annotations

import argparse
import os
import secrets
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from endurance.workers import HungError, Workers
from mount.bench import Bench
from wafs.fs.context import DIR_HANDLE_CAPACITY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mount.daemon import Daemon

WORKERS: Final = 3
SHORT_LIVES: Final = 4
SHORT_SHARE: Final = 0.05
"""Part of the time that each mount but the last one lives; memory is judged by the last, which lives longest."""

GROWTH: Final = 0.03
GROWTH_MIB: Final = 2.0
MOST_FILES: Final = DIR_HANDLE_CAPACITY + 200
"""Folders that were used once stay open up to that many, also when the kernel has forgotten them."""

EXIT_FAILED, EXIT_INTERRUPTED = 1, 130


class Sample(NamedTuple):
    """The daemon at one moment: seconds since its start, resident MiB, open files."""

    seconds: float
    mib: float
    files: int


class Soak:
    """One vault, mounted again and again under load."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder = folder
        self._seed = seed
        self._bench = Bench(folder)
        self._vault = self._bench.vault()
        self.operations = 0
        self.troubles: list[str] = []

    def run(self, seconds: float) -> None:
        """Live through all mounts, then compare everything once more after the last."""
        for number in range(SHORT_LIVES):
            self._life(number, seconds * SHORT_SHARE)
        samples = self._life(SHORT_LIVES, seconds * (1 - SHORT_LIVES * SHORT_SHARE))
        self.troubles += growth(samples)
        self._life(SHORT_LIVES + 1, 0)

    def finish(self) -> None:
        """Unmount whatever is mounted."""
        self.troubles += self._bench.finish()

    def _life(self, number: int, seconds: float) -> list[Sample]:
        daemon = self._bench.mount(self._vault, at=self._folder / "mnt")
        samples: list[Sample] = []
        (self._folder / "stop").unlink(missing_ok=True)
        with Workers(self._folder) as workers:
            for index in range(WORKERS):
                top, state = daemon.place / f"folder-{index}", self._folder / f"state-{index}"
                top.mkdir(exist_ok=True)
                workers.start(
                    f"worker-{index}", "soak_worker", top, state, workers.beat, f"{self._seed}/{number}/{index}"
                )
            begin = shown = time.monotonic()
            while time.monotonic() < begin + seconds and not workers.ended_early():
                self.operations += workers.count_beats(1.0)
                samples.append(sample(daemon, time.monotonic() - begin))
                if time.monotonic() > shown + 10:
                    shown = time.monotonic()
                    self._tell(number, samples[-1])
            self.troubles += workers.stop()
        if samples:
            self._tell(number, samples[-1])
        daemon.unmount()
        return samples

    def _tell(self, number: int, last: Sample) -> None:
        text = f"mount {number}: {last.seconds:5.0f} s  {last.mib:6.1f} MiB  {last.files:3} files open"
        print(f"{text}  {self.operations} operations", flush=True)


def sample(daemon: Daemon, seconds: float) -> Sample:
    """Look at the daemon's memory and descriptors."""
    pages = int(Path(f"/proc/{daemon.pid}/statm").read_text().split()[1])
    files = len(os.listdir(f"/proc/{daemon.pid}/fd"))
    return Sample(seconds, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, files)


def growth(samples: Sequence[Sample]) -> list[str]:
    """Say whether memory or open files still grow in the last third."""
    last = samples[len(samples) * 2 // 3 :]
    if len(last) < 4:
        return []
    first, second = last[: len(last) // 2], last[len(last) // 2 :]
    wrong = []
    mib = [statistics.median(found.mib for found in part) for part in (first, second)]
    if mib[1] - mib[0] > max(GROWTH * mib[0], GROWTH_MIB):
        wrong.append(f"memory grows in the last third: from {mib[0]:.1f} to {mib[1]:.1f} MiB")
    files = [max(found.files for found in part) for part in (first, second)]
    if files[1] > max(files[0] + 20, MOST_FILES):
        wrong.append(f"open files grow in the last third: from {files[0]} to {files[1]}")
    return wrong


def main(arguments: Sequence[str]) -> int:
    """Soak; return the exit code: 0 all well, 1 something was wrong, 2 usage, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="soak", description="Use a mounted vault for long, and compare everything.")
    parser.add_argument("--minutes", metavar="N", type=float, default=30, help="how long; default 30")
    parser.add_argument("--seed", metavar="N", type=int, help="chooses the operations; default another one each time")
    parser.add_argument("--dir", metavar="DIR", type=Path, default=Path("/var/tmp"), help="where the vault lies")
    asked = parser.parse_args(arguments)
    seed = secrets.randbelow(1_000_000) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    begin, code = time.monotonic(), 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="wafs-soak.", dir=asked.dir) as folder:
        soak = Soak(Path(folder), seed)
        try:
            soak.run(asked.minutes * 60)
        except KeyboardInterrupt:
            print("interrupted; everything is unmounted", file=sys.stderr)
            code = EXIT_INTERRUPTED
        except HungError as error:
            soak.troubles.append(str(error))
        finally:
            soak.finish()
    for line in soak.troubles:
        print(line)
    print(f"{soak.operations} operations, {len(soak.troubles)} troubles, {time.monotonic() - begin:.0f} seconds")
    return code or (EXIT_FAILED if soak.troubles else 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
