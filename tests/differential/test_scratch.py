"""The core over a scratch does what a real directory does that is not empty, and the vault stays as it is."""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from differential.bench import core_port
from differential.drivers.posix import PosixDriver
from differential.drivers.syscalls import Habits
from differential.drivers.vault_driver import VaultDriver
from differential.invariants import assert_nothing_held, open_files
from differential.operations import programs
from differential.program import Program, assert_same
from differential.vaults import RECOVERY_KEY, Place, Places
from fs.scratches import ciphertext_of
from wafs.format.slot import RECOVERY
from wafs.store.local import LocalStore
from wafs.store.scratch import ScratchStore
from wafs.store.scratch_folder import scratch_folder
from wafs.vault.vault import Vault, open_vault

HABITS = st.builds(Habits, looks=st.booleans(), forgets=st.booleans())


@dataclass(frozen=True)
class ScratchPlace(Place):
    """A vault with a scratch over it that outlives a mount."""

    store: ScratchStore

    def open(self) -> Vault:
        secret = {RECOVERY: RECOVERY_KEY}
        return open_vault(os.fspath(self.vault), secret.get, wrap=lambda _: self.store)


@pytest.mark.slow
@settings(max_examples=max(1, settings().max_examples // 3))
@given(before=programs(), after=programs(), habits=HABITS)
def test_a_scratch_does_what_a_directory_does(places: Places, before: Program, after: Program, habits: Habits) -> None:
    files = open_files()
    place = places.new()
    reference = PosixDriver(os.fsencode(place.plain))
    try:
        with core_port(place) as port:
            assert_same(before, reference, VaultDriver(port, habits))
        sealed = ciphertext_of(place.vault)
        lower = LocalStore(os.fspath(place.vault))
        with scratch_folder(os.fspath(place.vault.parent)) as folder:
            store = ScratchStore(lower, folder)
            with core_port(ScratchPlace(place.vault, place.plain, store)) as port:
                driver = VaultDriver(port, habits)
                assert_same(after, reference, driver)
                driver.settle()
                assert_nothing_held(port.vfs)
            store.shut()
        lower.shut()
        assert ciphertext_of(place.vault) == sealed
    finally:
        reference.remount()
        places.remove(place)
    assert open_files() == files
