"""Whatever the lower store fails at, a change of the scratch has happened or not, and no handle is left behind."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest

from store.faulty import Fault, FaultyStore
from store.unions import Half, dump, prepared
from wafs.store.local import LocalStore
from wafs.store.scratch import ScratchStore
from wafs.store.scratch_folder import scratch_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASKS = frozenset(
    ["open_dir", "open", "close", "stat", "fstat", "entries", "pread", "preadv", "readlink", "listxattr", "getxattr"]
)
TOP, D, E = (), (b"d",), (b"d", b"e")
BEFORE: list[tuple[Any, ...]] = [
    ("mkdir", TOP, b"new", 0o700),
    ("rename", D, b"e", (b"new",), b"e", 0),
    ("open", 0, TOP, b"a", os.O_RDWR),
    ("write", 0, 5000, 5000),
    ("open", 1, D, b"a", os.O_RDWR),
    ("unlink", TOP, b"b"),
]
NEW = (b"new", b"e")
STEPS: dict[str, tuple[Any, ...]] = {
    "create": ("open", 2, D, b"x", os.O_RDWR | os.O_CREAT | os.O_EXCL),
    "cut": ("open", 2, D, b"a", os.O_RDWR | os.O_TRUNC),
    "open what moved": ("open", 2, NEW, b"c", os.O_RDWR),
    "unnamed": ("open_unnamed", 2, D),
    "write": ("write", 1, 100, 100),
    "read": ("read", 0, 100, 12_000),
    "truncate": ("truncate", 1, 5000),
    "list": ("list_folder", D),
    "mkdir": ("mkdir", D, b"x", 0o700),
    "symlink": ("symlink", NEW, b"x"),
    "link": ("link", D, b"a", NEW, b"x"),
    "unlink": ("unlink", D, b"link"),
    "unlink a twin": ("unlink", TOP, b"c"),
    "rmdir": ("rmdir", TOP, b"new"),
    "move": ("rename", D, b"a", NEW, b"x", 0),
    "move a folder": ("rename", TOP, b"d", NEW, b"x", 0),
    "replace": ("rename", D, b"a", NEW, b"c", 0),
    "exchange": ("rename", D, b"a", NEW, b"c", 2),
    "chmod": ("chmod", D, b"a", 0o640),
    "utimens": ("utimens", NEW, b"c", 5),
    "fchmod": ("fchmod", 1, 0o600),
    "setxattr": ("setxattr", TOP, b"c", 0),
    "readlink": ("readlink", D, b"link"),
    "getxattr": ("getxattr", TOP, b"c"),
    "removexattr": ("removexattr", (b"new",), b"e"),
}


@pytest.fixture(scope="module")
def lower(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    before = os.umask(0)
    folder = tmp_path_factory.mktemp("faults")
    prepared(folder / "lower")
    yield folder
    os.umask(before)


@pytest.mark.parametrize("name", STEPS)
def test_a_change_happens_or_not(lower: Path, name: str) -> None:
    untouched = dump(lower / "lower")
    for nth in itertools.count(1):
        local = LocalStore(str(lower / "lower"))
        faulty = FaultyStore(local)
        with scratch_folder(str(lower)) as folder:
            store = ScratchStore(faulty.store, folder)
            half = Half(store)
            for step in BEFORE:
                assert half.run(step) in (None, 5000)
            before = half.tree()
            faulty.arm(Fault(nth, ASKS))
            found = half.run(STEPS[name])
            fired = faulty.fired
            faulty.arm(None)
            if fired and found == "EIO":
                assert half.tree() == before
                assert half.run(STEPS[name]) != "EIO"
            half.close_all()
            store.shut()
        local.shut()
        assert (faulty.files, faulty.folders) == ({}, {})
        if not fired:
            assert found != "EIO"
            break
    assert dump(lower / "lower") == untouched
