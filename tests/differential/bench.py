"""Bench: runs one program on the reference and on a port, and checks what must hold afterwards."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from differential.drivers.core import CorePort
from differential.drivers.posix import PosixDriver
from differential.drivers.syscalls import Habits
from differential.drivers.vault_driver import VaultDriver
from differential.drivers.wire import WirePort
from differential.invariants import assert_no_litter, assert_nothing_held, assert_reader_agrees, open_files
from differential.program import Program, assert_same
from differential.vaults import Place, Places


@contextmanager
def core_port(place: Place) -> Iterator[CorePort]:
    """The core over a vault, closed in the end."""
    port = CorePort(place)
    try:
        yield port
    finally:
        port.vfs.close()


@contextmanager
def wire_port(place: Place) -> Iterator[WirePort]:
    """A session over a vault, ended in the end."""
    port = WirePort(place)
    try:
        yield port
    finally:
        port.halt()


PortOpener = Callable[[Place], AbstractContextManager[CorePort] | AbstractContextManager[WirePort]]


def run(places: Places, program: Program, habits: Habits, *, opener: PortOpener) -> None:
    """Run a program on a port and on a plain folder; then the independent reader opens the vault too."""
    before = open_files()
    place = places.new()
    reference = PosixDriver(os.fsencode(place.plain))
    try:
        with opener(place) as port:
            driver = VaultDriver(port, habits)
            tree = assert_same(program, reference, driver)
            driver.settle()
            assert_nothing_held(port.vfs)
        assert_no_litter(place)
        assert_reader_agrees(place, tree)
    finally:
        reference.remount()
        places.remove(place)
    assert open_files() == before
