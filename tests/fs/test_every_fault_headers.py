"""Every call that makes a vault, changes its password or mends its header fails once: one whole header is left."""

from __future__ import annotations

import contextlib
import errno
import os
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from fs.faults_os import failing
from fs.faults_trial import tell
from fs.faults_world import clone, folder_in, memory_folder
from vault.making import CHEAP, PASSWORD, RECOVERY_KEY, make_vault, opened
from wafs.errors import HeaderDamageError, WafsError, WrongSecretError
from wafs.format.slot import PASSWORD as PASSWORD_SLOT
from wafs.vault.vault import change_password, create_vault, open_vault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fs.faults_os import FaultyOs
    from log_police import ExpectLog

NEW = b"battery staple"
FAULTS = {
    "EIO": (errno.EIO, "none"),
    "ENOSPC": (errno.ENOSPC, "none"),
    "EDQUOT": (errno.EDQUOT, "none"),
    "EINTR": (errno.EINTR, "none"),
    "lost answer": (errno.EIO, "whole"),
    "short": (0, "short"),
}
every_kind = pytest.mark.parametrize("kind", FAULTS)


@pytest.fixture(scope="module")
def tried(request: pytest.FixtureRequest) -> Iterator[Counter[str]]:
    found: Counter[str] = Counter()
    yield found
    tell(request.config, "headers", found)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with memory_folder(tmp_path_factory.mktemp("headers")) as folder:
        yield folder


@pytest.fixture
def place(memory: Path) -> Iterator[Path]:
    """A folder for one test."""
    with folder_in(memory) as folder:
        yield folder


@pytest.fixture(scope="module")
def made(memory: Path) -> Path:
    return make_vault(memory / "vault")


def rounds(kind: str, tried: Counter[str]) -> Iterator[tuple[int, contextlib.AbstractContextManager[FaultyOs]]]:
    """Give one context after the other, each with the next call failing, until there is no such call."""
    code, effect = FAULTS[kind]
    for nth in range(1, 200):
        seen: list[FaultyOs] = []

        @contextlib.contextmanager
        def one(nth: int = nth, seen: list[FaultyOs] = seen) -> Iterator[FaultyOs]:
            handles = len(os.listdir("/proc/self/fd"))
            with failing(nth, code, effect) as faulty:
                seen.append(faulty)
                yield faulty
            assert len(os.listdir("/proc/self/fd")) == handles

        yield nth, one()
        if not seen[0].fired:
            return
        tried[kind] += 1
    pytest.fail("still failing")


def is_right(error: Exception | None, faulty: FaultyOs, kind: str) -> bool:
    if error is None:
        return True
    if FAULTS[kind][1] == "short":
        return isinstance(error, WafsError)
    return faulty.fired and isinstance(error, OSError) and error.errno in (FAULTS[kind][0], errno.ENOENT)


def opens(path: Path, password: bytes) -> bool:
    try:
        open_vault(str(path), lambda slot: password if slot == PASSWORD_SLOT else None).close()
    except WrongSecretError:
        return False
    return True


def names(path: Path) -> list[str]:
    return sorted(found.name for found in path.iterdir())


@every_kind
def test_a_vault_is_made_or_not(place: Path, kind: str, tried: Counter[str]) -> None:
    for nth, fault in rounds(kind, tried):
        path = place / str(nth)
        error: Exception | None = None
        with fault as faulty:
            try:
                create_vault(str(path), PASSWORD, recovery_key=None, cost=CHEAP)
            except (OSError, WafsError) as caught:
                error = caught
        assert is_right(error, faulty, kind), repr(error)
        if error is None:
            assert opens(path, PASSWORD)
        else:
            assert not path.exists() or names(path) == []
            create_vault(str(path), PASSWORD, recovery_key=None, cost=CHEAP)


@every_kind
def test_a_password_is_the_old_or_the_new_one(
    made: Path, place: Path, kind: str, tried: Counter[str], expect_log: ExpectLog
) -> None:
    for nth, fault in rounds(kind, tried):
        path = clone(made, place / str(nth))
        before = names(path)
        error: Exception | None = None
        with fault as faulty:
            try:
                change_password(str(path), lambda slot: PASSWORD if slot == PASSWORD_SLOT else None, NEW)
            except (OSError, WafsError) as caught:
                error = caught
        assert is_right(error, faulty, kind), repr(error)
        assert names(path) == before
        assert [opens(path, NEW), opens(path, PASSWORD)].count(True) >= 1
        assert error is not None or opens(path, NEW)
        opened(path).close()
        # The copy may be new already, of which the next one who opens it is told.
        assert all("differ" in record.getMessage() for record in expect_log.records)
        expect_log.records.clear()
        change_password(str(path), lambda slot: RECOVERY_KEY if slot != PASSWORD_SLOT else None, NEW)
        assert opens(path, NEW)


@every_kind
@pytest.mark.parametrize("name", ["wafs.vault", "wafs.vault.copy"])
def test_a_damaged_copy_is_mended_or_left(
    made: Path, place: Path, name: str, kind: str, tried: Counter[str], expect_log: ExpectLog
) -> None:
    whole = (made / name).read_bytes()
    for nth, fault in rounds(kind, tried):
        path = clone(made, place / str(nth))
        (path / name).write_bytes(b"")
        before = names(path)
        error: Exception | None = None
        with fault as faulty:
            try:
                opened(path).close()
            except (OSError, WafsError) as caught:
                error = caught
        # Of a damaged header and a copy that cannot be read, the damage is told.
        assert isinstance(error, HeaderDamageError) or is_right(error, faulty, kind), repr(error)
        assert names(path) == before
        opened(path).close()
        assert (path / name).read_bytes() == whole
        expect_log.records.clear()
