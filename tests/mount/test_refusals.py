"""What cannot be mounted is refused with the right exit code and clear words, and nothing changes."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from wafs.crypto.digest import sha256
from wafs.format.encoding import pack, unpack
from wafs.format.vault_header import parse_vault_header

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mount.bench import Bench, Refusal

pytestmark = pytest.mark.mount

HEADERS = ("wafs.vault", "wafs.vault.copy")


@pytest.fixture
def vault(bench: Bench) -> Path:
    """A vault with one file in it."""
    made = bench.vault()
    daemon = bench.mount(made)
    (daemon.place / "file").write_text("kept")
    daemon.unmount()
    return made


def fingerprint(vault: Path) -> dict[str, bytes]:
    """All bytes of a vault."""
    return {str(p.relative_to(vault)): p.read_bytes() for p in sorted(vault.rglob("*")) if p.is_file()}


def refused(bench: Bench, vault: Path, code: int, *words: str, place: Path | None = None) -> Refusal:
    """See a mount refused with this code and these words, and everything as it was."""
    if place is None:
        place = bench.folder / "mnt"
        place.mkdir(exist_ok=True)
    before = fingerprint(vault)
    found = bench.refused(vault, place)
    assert found.code == code, found.text
    assert found.text.startswith("wafs: error: ")
    for word in words:
        assert word in found.text
    assert fingerprint(vault) == before
    assert not os.path.ismount(place)
    return found


def test_a_wrong_password(bench: Bench, vault: Path) -> None:
    bench.password_file.write_bytes(b"wrong horse\n")
    refused(bench, vault, 3, "password")


@pytest.mark.parametrize("damaged", HEADERS)
@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "missing", "zeros", "long"])
def test_one_damaged_header_is_restored_from_the_other(bench: Bench, vault: Path, damaged: str, how: str) -> None:
    path = vault / damaged
    whole = path.read_bytes()
    damage(path, how)
    broken = fingerprint(vault)

    reader = bench.mount(vault, "--read-only")
    assert (reader.place / "file").read_text() == "kept"
    reader.unmount()
    assert fingerprint(vault) == broken, "a read-only mount writes nothing"

    writer = bench.mount(vault)
    writer.expect("header was damaged and has been restored")
    assert (writer.place / "file").read_text() == "kept"
    writer.unmount()
    assert [(vault / name).read_bytes() for name in HEADERS] == [whole, whole]


@pytest.mark.parametrize("how", ["flipped", "cut", "empty", "zeros", "long"])
def test_two_damaged_headers(bench: Bench, vault: Path, how: str) -> None:
    for name in HEADERS:
        damage(vault / name, how)
    refused(bench, vault, 5, "header", "wafs: hint: ")


def damage(path: Path, how: str) -> None:
    whole = path.read_bytes()
    at = len(whole) // 2
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(
            {
                "flipped": whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :],
                "cut": whole[:at],
                "empty": b"",
                "zeros": bytes(len(whole)),
                "long": whole + bytes(70_000),
            }[how]
        )


def forge(vault: Path, change: Callable[[dict[str, object], list[dict[str, object]]], None]) -> None:
    """Rewrite both headers with other parameters and slots, and a checksum that fits."""
    header = parse_vault_header((vault / HEADERS[0]).read_bytes())
    parameters, slots = unpack(header.immutable), unpack(header.slot_bytes)
    change(parameters, slots)  # type: ignore[arg-type]
    body = pack(["wafs.vault", pack(parameters), pack(slots), header.mac, bytes(32)])[:-34]
    for name in HEADERS:
        (vault / name).write_bytes(body + b"\xc4\x20" + sha256(body))


def test_an_unknown_feature(bench: Bench, vault: Path) -> None:
    forge(vault, lambda parameters, _: parameters.update(features=["time-travel"]))
    refused(bench, vault, 4, "time-travel", "newer wafs")


def test_a_newer_format(bench: Bench, vault: Path) -> None:
    forge(vault, lambda parameters, _: parameters.update(version=9))
    refused(bench, vault, 4, "version 9", "newer wafs")


@pytest.mark.parametrize(
    "cost",
    [
        {"lanes": 1, "memory_kib": 4_194_305, "passes": 1},
        {"lanes": 1, "memory_kib": 2**32 - 1, "passes": 1},
        {"lanes": 1, "memory_kib": 4_194_304, "passes": 16},
        {"lanes": 1, "memory_kib": 8192, "passes": 2**31},
        {"lanes": 2**24 - 1, "memory_kib": 8192, "passes": 1},
        {"lanes": 1, "memory_kib": 8, "passes": 1},
        {"lanes": 0, "memory_kib": 8192, "passes": 0},
    ],
    ids=str,
)
def test_an_absurd_key_derivation_is_refused_before_it_costs(bench: Bench, vault: Path, cost: dict[str, int]) -> None:
    bench.password_file.write_bytes(b"wrong horse\n")
    started = time.monotonic()
    refused(bench, vault, 3, "password")
    honest_s = time.monotonic() - started

    forge(vault, lambda _, slots: slots[0]["kdf"].update(cost))  # type: ignore[attr-defined]
    started = time.monotonic()
    refused(bench, vault, 5, "limits")
    # The honest derivation takes 8 MiB once; these would take hundreds of times as much.
    assert time.monotonic() - started < honest_s + 3


def test_a_slot_table_that_somebody_without_a_key_changed(bench: Bench, vault: Path) -> None:
    forge(vault, lambda _, slots: slots.append(dict(slots[0], label="mine")))
    refused(bench, vault, 5, "key slots")


def test_a_slot_of_another_vault_with_the_same_password(bench: Bench, vault: Path) -> None:
    other = parse_vault_header((bench.vault(bench.folder / "other") / HEADERS[0]).read_bytes())
    forge(vault, lambda _, slots: slots.__setitem__(0, dict(other.slots[0].fields)))
    refused(bench, vault, 5, "key slot")


def test_a_folder_that_is_no_vault(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "photo.jpg").write_bytes(b"x")
    refused(bench, folder, 4, "not a vault")


def test_a_file_instead_of_a_vault(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "vault.zip"
    path.write_bytes(b"x")
    (tmp_path / "mnt").mkdir()
    assert bench.refused(path, tmp_path / "mnt").code == 4


def test_a_vault_that_is_not_there(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "mnt").mkdir()
    found = bench.refused(tmp_path / "nowhere", tmp_path / "mnt")
    assert found.code in (4, 7)
    assert "nowhere" in found.text


def test_a_vault_without_its_tree(bench: Bench, vault: Path) -> None:
    shutil.rmtree(vault / "tree")
    refused(bench, vault, 5, "tree")


def test_a_mountpoint_inside_the_vault(bench: Bench, vault: Path) -> None:
    (vault / "mnt").mkdir()
    refused(bench, vault, 1, "one inside the other", place=vault / "mnt")


def test_a_vault_inside_the_mountpoint(bench: Bench, vault: Path) -> None:
    refused(bench, vault, 1, "one inside the other", place=vault.parent)


def test_the_vault_as_its_own_mountpoint_by_a_link(bench: Bench, vault: Path) -> None:
    (bench.folder / "link").symlink_to(vault)
    refused(bench, vault, 1, "one inside the other", place=bench.folder / "link")


def test_a_mountpoint_with_files_in_it(bench: Bench, vault: Path) -> None:
    place = bench.folder / "full"
    place.mkdir()
    (place / "photo.jpg").write_text("under the mount")
    refused(bench, vault, 1, "not empty", "--nonempty", place=place)
    daemon = bench.mount(vault, "--nonempty", at=place)
    assert os.listdir(place) == ["file"]
    daemon.unmount()
    assert (place / "photo.jpg").read_text() == "under the mount"


def test_a_mountpoint_that_is_not_there_or_no_folder(bench: Bench, vault: Path) -> None:
    refused(bench, vault, 1, "mkdir", place=bench.folder / "nowhere")
    (bench.folder / "file").touch()
    refused(bench, vault, 1, "not a folder", place=bench.folder / "file")
