"""Workers: processes that use a mount, and the pipe on which they tell of each operation."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

PATIENCE_S: Final = 60.0
"""How long something may take on a busy machine before it counts as hung."""

_SCRIPTS: Final = Path(__file__).resolve().parent.parent


class Worker(NamedTuple):
    """One process; what it has to say about its end goes to the file `said`."""

    name: str
    process: subprocess.Popen[bytes]
    said: Path


class HungError(Exception):
    """Something that should have happened long ago has not."""


class Workers:
    """Some processes that work at the same time; `with` ends them all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._workers: list[Worker] = []
        self._beats, self.beat = os.pipe()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.process.kill()
            worker.process.wait()
        os.close(self._beats)
        os.close(self.beat)

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers)

    def start(self, name: str, module: str, *arguments: object) -> None:
        """Start a module of this package; it may write to the descriptor `beat`."""
        said = self._folder / f"{name}.said"
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_SCRIPTS), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", f"endurance.{module}", *map(str, arguments)]
        with said.open("wb") as stream:
            process = subprocess.Popen(
                command, env=environment, pass_fds=[self.beat], stdin=subprocess.DEVNULL, stdout=stream, stderr=stream
            )
        self._workers.append(Worker(name, process, said))

    def wait_for_beats(self, count: int) -> None:
        """Return when so many operations were done since the last call.

        Raises: HungError.
        """
        deadline = time.monotonic() + PATIENCE_S
        while count > 0:
            ready, _, _ = select.select([self._beats], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                ended = self.ended_early() or "no worker ended"
                msg = f"{count} operations are missing after {PATIENCE_S:.0f} s; {ended}"
                raise HungError(msg)
            count -= len(os.read(self._beats, count))

    def count_beats(self, seconds: float) -> int:
        """Return how many operations were done in the next seconds."""
        count, deadline = 0, time.monotonic() + seconds
        while select.select([self._beats], [], [], max(deadline - time.monotonic(), 0))[0]:
            count += len(os.read(self._beats, 65_536))
            if time.monotonic() > deadline:
                break
        return count

    def stop(self) -> list[str]:
        """Tell all to end by a file `stop` in the folder, wait until they have, and say which did not end well.

        Raises: HungError.
        """
        (self._folder / "stop").touch()
        self.wait_for_ends()
        return [_last_words(worker) for worker in self._workers if worker.process.returncode != 0]

    def ended_early(self) -> list[str]:
        """Say which workers have ended, and why."""
        return [_last_words(worker) for worker in self._workers if worker.process.poll() is not None]

    def wait_for_ends(self) -> None:
        """Return when all have ended by themselves.

        Raises: HungError.
        """
        deadline = time.monotonic() + PATIENCE_S
        for worker in self._workers:
            try:
                worker.process.wait(max(deadline - time.monotonic(), 0))
            except subprocess.TimeoutExpired:
                msg = f"{worker.name} still runs {PATIENCE_S:.0f} s after it should have ended"
                raise HungError(msg) from None


def _last_words(worker: Worker) -> str:
    lines = worker.said.read_text("utf-8", "replace").splitlines()
    return f"{worker.name} ended with {worker.process.returncode}: {lines[-1] if lines else 'nothing said'}"
