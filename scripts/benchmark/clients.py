"""Clients: several programs at once that make and read small files, each in a folder of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.failure import BenchError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark.place import Place
    from benchmark.scale import Scale

CLIENTS = 4
CLIENT = Path(__file__).with_name("client.py")


def run_job(place: Place, scale: Scale) -> None:
    """Measure the rows of the job `parallel`; the time is that of all files by all clients."""
    each = scale.small_files // CLIENTS
    folders = [place.path(f"client-{number}") for number in range(CLIENTS)]
    for folder in folders:
        os.mkdir(folder)
    place.settle()
    for key, what in (("par-create", "create"), ("par-read", "read")):
        if what == "read":
            place.cold()
        if what == "create" or place.wants(key):
            with _started(what, folders, each) as clients, place.timed(key, count=each * CLIENTS):
                for client in clients:
                    _tell(client, "go")
                for client in clients:
                    _hear(client, "done")


@contextmanager
def _started(what: str, folders: list[str], each: int) -> Iterator[list[subprocess.Popen[str]]]:
    """Start the clients and wait until all are ready to begin."""
    clients = []
    try:
        for folder in folders:
            command = [sys.executable, str(CLIENT), what, folder, str(each)]
            pipe = subprocess.PIPE
            clients.append(subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True))
        for client in clients:
            _hear(client, "ready")
        yield clients
    finally:
        for client in clients:
            with client:
                client.kill()


def _tell(client: subprocess.Popen[str], word: str) -> None:
    assert client.stdin is not None
    client.stdin.write(word + "\n")
    client.stdin.flush()


def _hear(client: subprocess.Popen[str], word: str) -> None:
    assert client.stdout is not None
    if (said := client.stdout.readline().strip()) != word:
        msg = f"a client said {said!r}, want {word!r}"
        raise BenchError(msg)
