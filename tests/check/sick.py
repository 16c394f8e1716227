"""Sick vaults: a small vault with one of everything, and for every kind of finding what makes it happen."""

from __future__ import annotations

import dataclasses
import functools
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from fs.paths import Paths
from tamper.specimen import sealed_path
from vault.making import CHUNK, make_vault, opened, recovery_only
from wafs.check.findings import Finding, Kind
from wafs.check.headers import read_copies
from wafs.check.opening import opened as opened_for_check
from wafs.check.vault_check import VaultCheck
from wafs.check.watch import Alone
from wafs.crypto.aead import OVERHEAD, Gcm
from wafs.format.directory import DirectoryRecord, Place, implied_dir_id, seal_directory_record
from wafs.format.file_header import STATE_OFFSETS
from wafs.format.layout import FILE_HEADER_SIZE
from wafs.format.slot import Slot
from wafs.format.state import IN_FLIGHT, STATE_SLOT_SIZE, State, open_state_slots, seal_state
from wafs.format.vault_header import encode_vault_header, parse_vault_header
from wafs.fs.vfs import Vfs
from wafs.units import ROOT_DIR_ID
from wafs.vault.directory import Directories

if TYPE_CHECKING:
    from collections.abc import Callable

    from wafs.check.watch import Watch
    from wafs.store.base import Store

LONG = b"long " * 40
STRIDE = CHUNK + OVERHEAD
FOLDERS = (b"album", b"album/deep", b"empty folder", b"to be moved")
FILES: dict[bytes, bytes] = {
    b"empty": b"",
    b"one": b"1",
    b"photo": bytes(range(251)) * 100,
    b"chunks": bytes(4 * CHUNK),
    b"album/" + LONG: b"under a long name",
    b"album/deep/inside": b"inside",
    b"moved/kept": b"in a folder that was moved",
}


@dataclass
class Case:
    """A vault, and where the ciphertext of each plain path is."""

    path: Path
    places: dict[bytes, Path]
    wrap: Callable[[Store], Store] = field(default=lambda store: store)

    def check(self, *, quick: bool = False) -> list[Finding]:
        """Check it; `wrap` may put another store before that of the vault."""
        return self.look(quick=quick)[0]

    def look(self, *, quick: bool = False, watch: Watch | None = None) -> tuple[list[Finding], VaultCheck]:
        """Check it; returns the check as well, for its tally."""
        copies = read_copies(str(self.path))
        with opened_for_check(str(self.path), recovery_only, copies) as patient:
            examined = patient
            if patient is not None:
                store = self.wrap(patient.store)
                examined = dataclasses.replace(patient, store=store, directories=Directories(store, patient.keyring))
            examination = VaultCheck(str(self.path), copies, examined, watch or Alone(), quick=quick)
            return list(examination.run()), examination

    def entry(self, name: bytes) -> bytes:
        """The path of a ciphertext below the vault's folder."""
        return os.fsencode(self.places[name].relative_to(self.path))


def make_case(path: Path) -> Case:
    """Make a vault without a fault: a copy of one that is made once."""
    made = _pristine()
    shutil.copytree(made.path, path, symlinks=True, copy_function=_copy)
    return Case(path, {name: path / place.relative_to(made.path) for name, place in made.places.items()})


def _copy(source: str, target: str) -> None:
    if stat.S_ISFIFO(os.lstat(source).st_mode):
        os.mkfifo(target)
    else:
        shutil.copy2(source, target, follow_symlinks=False)


@functools.cache
def _pristine() -> Case:
    path = Path(tempfile.mkdtemp()) / "vault"
    make_vault(path)
    with Vfs(opened(path)) as vfs:
        paths = Paths(vfs)
        for folder in FOLDERS:
            paths.mkdir(folder)
        paths.rename(b"to be moved", b"moved")
        for name, data in FILES.items():
            paths.write(name, data)
        paths.symlink(b"link", b"album/deep")
        paths.symlink(b"far link", b"../" * 1365)
        paths.mknod(b"pipe", stat.S_IFIFO | 0o600)
        _sparse(paths)
        for name in (b"one", b"album"):
            with paths.held(name) as number:
                vfs.xattrs.set(number, b"user.origin", b"a phone", 0)
        places = {}
        for name in paths.walk():
            with paths.held(name) as number:
                places[name] = sealed_path(paths, path, number)
    return Case(path, places)


def leave_open(case: Case, copy: Path) -> Case:
    """Copy a vault that is in use, as a killed process leaves it: `photo` is overwritten in part, `chunks` grows.

    The journal has some bytes of chunk 1 of `photo`, and all of chunk 2.
    """
    case.places.pop(b"pipe").unlink()
    with Vfs(opened(case.path)) as vfs:
        paths = Paths(vfs)
        with paths.held(b"photo") as photo, paths.held(b"chunks") as chunks:
            first = vfs.files.open(photo, os.O_RDWR).fh
            vfs.files.write(first, CHUNK, memoryview(b"newer" * 100), paths.scratch)
            vfs.files.write(first, 2 * CHUNK, memoryview(b"w" * CHUNK), paths.scratch)
            second = vfs.files.open(chunks, os.O_RDWR).fh
            vfs.files.write(second, 4 * CHUNK, memoryview(bytes(3 * CHUNK)), paths.scratch)
            shutil.copytree(case.path, copy, symlinks=True)
            for fh in (first, second):
                vfs.files.release(fh)
    return Case(copy, {name: copy / place.relative_to(case.path) for name, place in case.places.items()})


def _sparse(paths: Paths) -> None:
    paths.write(b"sparse", b"begin")
    with paths.held(b"sparse") as number:
        fh = paths.vfs.files.open(number, os.O_RDWR).fh
        paths.vfs.files.write(fh, 3 * CHUNK, memoryview(b"end"), paths.scratch)
        paths.vfs.files.release(fh)


def patch(path: Path, offset: int, data: bytes | None = None) -> None:
    """Overwrite bytes; without any, flip one bit."""
    with path.open("r+b") as file:
        file.seek(offset)
        data = bytes([file.read(1)[0] ^ 1]) if data is None else data
        file.seek(offset)
        file.write(data)


def chunk_at(number: int) -> int:
    """Where a chunk begins in the ciphertext."""
    return FILE_HEADER_SIZE + number * STRIDE


def reseal(case: Case, name: bytes, change: Callable[[State], State]) -> None:
    """Give a file a newer state, made with its key as wafs would."""
    place = case.places[name]
    data = place.read_bytes()
    with opened(case.path, read_only=True) as vault:
        cipher = Gcm(vault.keyring.file_keys.open(data[27:87], data[:25]))
    state = open_state_slots(cipher, [data[at : at + STATE_SLOT_SIZE] for at in STATE_OFFSETS])
    newer = change(state._replace(counter=state.counter + 1))
    patch(place, STATE_OFFSETS[newer.counter & 1], seal_state(cipher, newer))


def in_flight(state: State) -> State:
    """A state as it is while a file is written."""
    return state._replace(flags=IN_FLIGHT, root=bytes(16))


def _headers(case: Case, names: list[str], change: Callable[[tuple[Slot, ...]], tuple[Slot, ...]], mac: bool) -> None:
    header = parse_vault_header((case.path / "wafs.vault").read_bytes())
    with opened(case.path, read_only=True) as vault:
        key = vault.keyring.slot_table if mac else bytes(32)
    for name in names:
        (case.path / name).write_bytes(encode_vault_header(header.parameters, change(header.slots), key))


def _add_slot(slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
    return (*slots, Slot({"type": "token"}))


def _record(case: Case, folder: bytes, places: list[Place]) -> None:
    """Give a folder of the top a record of its implied id that is valid at some places."""
    with opened(case.path, read_only=True) as vault:
        keys = vault.keyring
        dir_id = implied_dir_id(keys.directory_ids, Place(ROOT_DIR_ID, folder))
        data = seal_directory_record(keys.directory_records, DirectoryRecord(dir_id), places)
    (case.places[folder] / "wafs.dir").write_bytes(data)


def _stale(case: Case) -> bytes:
    _record(case, b"album", [Place(ROOT_DIR_ID, b"an older name"), Place(ROOT_DIR_ID, b"album")])
    return b"/album"


def _older_chunk(case: Case) -> bytes:
    place = case.places[b"photo"]
    old = place.read_bytes()[chunk_at(1) : chunk_at(2)]
    with Vfs(opened(case.path)) as vfs:
        paths = Paths(vfs)
        with paths.held(b"photo") as number:
            fh = vfs.files.open(number, os.O_RDWR).fh
            vfs.files.write(fh, CHUNK, memoryview(b"newer"), paths.scratch)
            vfs.files.release(fh)
    patch(place, chunk_at(1), old)
    return b"/photo"


def _busy(case: Case) -> bytes:
    """Somebody writes to the file whenever it is looked at."""
    broken = case.places[b"photo"]
    patch(broken, chunk_at(1))
    number = broken.stat().st_ino

    class Busy:
        def __init__(self, inner: Store) -> None:
            self._inner = inner

        def __getattr__(self, kind: str) -> Any:
            return getattr(self._inner, kind)

        def fstat(self, handle: int) -> os.stat_result:
            found = self._inner.fstat(handle)
            if found.st_ino == number:
                os.utime(broken, ns=(0, found.st_mtime_ns + 1000))
            return found

    case.wrap = lambda store: cast("Store", Busy(store))
    return b"/photo"


def _doing(path: bytes | None, action: Callable[[Case], object]) -> Callable[[Case], bytes | None]:
    def broken(case: Case) -> bytes | None:
        action(case)
        return path

    return broken


def _conflict(case: Case) -> None:
    place = case.places[b"photo"]
    place.with_name(f"{place.stem} (Ann's conflicted copy 2026-01-01).wafs").write_bytes(place.read_bytes())


def _left_by_put(case: Case) -> None:
    with Vfs(opened(case.path)) as vfs:
        Paths(vfs).write(b"album/.wafs-put-0123456789abcdef", b"half of")


def _rename(place: Path, name: str) -> None:
    place.rename(place.with_name(name))


def _journal(case: Case, data: bytes) -> None:
    (case.path / "wafs.journal").write_bytes(data)


def relink(case: Case, name: bytes, text: str) -> None:
    """Let a ciphertext symlink lead elsewhere."""
    case.places[name].unlink()
    case.places[name].symlink_to(text)


def _bad_xattr(case: Case) -> None:
    place = case.places[b"one"]
    (stored,) = os.listxattr(place)
    os.setxattr(place, stored, b"?" * 40)


def _unreadable(case: Case) -> None:
    (case.path / "wafs.vault.copy").unlink()
    (case.path / "wafs.vault.copy").mkdir()


def _long(case: Case) -> Path:
    return case.places[b"album/" + LONG]


BREAKS: dict[Kind, Callable[[Case], bytes | None]] = {
    Kind.HEADER_MISSING: _doing(None, lambda case: (case.path / "wafs.vault").unlink()),
    Kind.HEADER_DAMAGED: _doing(None, lambda case: patch(case.path / "wafs.vault.copy", 99)),
    Kind.HEADER_FORGED: _doing(None, lambda case: _headers(case, ["wafs.vault"], _add_slot, mac=False)),
    Kind.HEADERS_DIFFER: _doing(
        None, lambda case: _headers(case, ["wafs.vault.copy"], lambda slots: slots[1:], mac=True)
    ),
    Kind.SLOT_UNKNOWN: _doing(
        None, lambda case: _headers(case, ["wafs.vault", "wafs.vault.copy"], _add_slot, mac=True)
    ),
    Kind.JOURNAL_DAMAGED: _doing(None, lambda case: _journal(case, b"not a journal" * 9)),
    Kind.KEY_STORE_DAMAGED: _doing(None, lambda case: (case.path / "wafs.keys").write_bytes(b"not a key store")),
    Kind.KEY_STORE_NEWER: _doing(
        None, lambda case: (case.path / "wafs.keys").write_bytes(b"\x93\xa9wafs.keys\x02\xc4\x10" + bytes(16))
    ),
    Kind.STRAY: _doing(None, lambda case: (case.path / "holiday.jpg").write_bytes(b"plain")),
    Kind.MISPLACED: _doing(
        b"/photo",
        lambda case: case.places[b"photo"].rename(case.places[b"album/deep"] / case.places[b"photo"].name),
    ),
    Kind.NAME_DAMAGED: _doing(b"/", lambda case: _rename(case.places[b"photo"], "A" * 43 + ".wafs")),
    Kind.LONG_NAME_LOST: _doing(b"/album", lambda case: _long(case).with_suffix(".name").unlink()),
    Kind.LONG_NAME_DAMAGED: _doing(b"/album", lambda case: patch(_long(case).with_suffix(".name"), 5)),
    Kind.LONG_NAME_LEFT: _doing(b"/album", lambda case: _long(case).unlink()),
    Kind.LONG_NAME_FOREIGN: _doing(b"/", lambda case: (case.path / "tree/x.name").write_bytes(b"nobody's")),
    Kind.FOREIGN: _doing(b"/album/deep", lambda case: (case.places[b"album/deep"] / "desktop.ini").write_bytes(b"")),
    Kind.CONFLICT_COPY: _doing(b"/photo", _conflict),
    Kind.LEFTOVER: _doing(b"/album/.wafs-put-0123456789abcdef", _left_by_put),
    Kind.FOLDER_RECORD_DAMAGED: _doing(b"/moved", lambda case: patch(case.places[b"moved"] / "wafs.dir", 20)),
    Kind.FOLDER_RECORD_STALE: _stale,
    Kind.FOLDER_ID_LOST: _doing(b"/moved", lambda case: (case.places[b"moved"] / "wafs.dir").unlink()),
    Kind.FILE_CUT: _doing(b"/photo", lambda case: os.truncate(case.places[b"photo"], 100)),
    Kind.FILE_NEWER: _doing(b"/photo", lambda case: patch(case.places[b"photo"], 6, b"\x02\xc4\x10" + bytes(16))),
    Kind.FILE_HEADER_DAMAGED: _doing(b"/photo", lambda case: patch(case.places[b"photo"], 40)),
    Kind.STATE_DAMAGED: _doing(b"/photo", lambda case: patch(case.places[b"photo"], STATE_OFFSETS[0] + 30)),
    Kind.LENGTH_WRONG: _doing(b"/photo", lambda case: os.truncate(case.places[b"photo"], chunk_at(2) + 9)),
    Kind.CHUNK_DAMAGED: _doing(b"/photo", lambda case: patch(case.places[b"photo"], chunk_at(1) + 500)),
    Kind.HOLE_FORBIDDEN: _doing(b"/photo", lambda case: patch(case.places[b"photo"], chunk_at(1), bytes(STRIDE))),
    Kind.ROOT_WRONG: _older_chunk,
    Kind.UNSEALED: _doing(b"/photo", lambda case: reseal(case, b"photo", in_flight)),
    Kind.CHANGING: _busy,
    Kind.SYMLINK_DAMAGED: _doing(b"/link", lambda case: relink(case, b"link", "somewhere")),
    Kind.XATTR_DAMAGED: _doing(b"/one", _bad_xattr),
    Kind.UNREADABLE: _doing(None, _unreadable),
}
"""For every kind what makes it happen, and only it; returns the plaintext path that the finding names.

A journal that holds changes (journal-pending) comes with `leave_open`.
"""
