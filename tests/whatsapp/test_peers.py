"""Other people's programs read what we make, and we read what they make."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sample_backup import encrypted
from whatsapp.samples import NONCE, PLAIN, ROOT, SERVER, database, opened

if TYPE_CHECKING:
    from collections.abc import Callable

PROGRAMS = Path(sys.executable).parent
KEYS: dict[str, bytes] = {"encrypted_backup.key": encrypted.root_key_file(ROOT), "key": SERVER.file()}
MAKERS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "12": ("key", lambda plain: encrypted.crypt12(plain, SERVER, nonce=NONCE)),
    "14": ("key", lambda plain: encrypted.crypt14(plain, SERVER, nonce=NONCE)),
    "15": ("encrypted_backup.key", lambda plain: encrypted.crypt15(plain, ROOT, nonce=NONCE)),
}
OURS = pytest.mark.parametrize("kind", MAKERS)


def run(program: str, *words: str | Path) -> None:
    command = PROGRAMS / program
    if not command.exists():
        pytest.skip(f"{program} is not installed")
    done = subprocess.run([command, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the two key files and a database."""
    for name, data in KEYS.items():
        (tmp_path / name).write_bytes(data)
    (tmp_path / "plain.db").write_bytes(PLAIN)
    return tmp_path


@OURS
def test_wa_crypt_tools_reads_ours(kind: str, place: Path) -> None:
    key, make = MAKERS[kind]
    (place / "sealed").write_bytes(make(PLAIN))
    run("wadecrypt", place / key, place / "sealed", place / "found.db")
    assert (place / "found.db").read_bytes() == PLAIN


@OURS
def test_we_read_those_of_wa_crypt_tools(kind: str, place: Path) -> None:
    key, _ = MAKERS[kind]
    run("waencrypt", "--type", kind, place / key, place / "plain.db", place / "sealed")
    assert opened((place / "sealed").read_bytes()) == PLAIN


@pytest.mark.parametrize("kind", ["14", "15"])
def test_wakit_reads_ours_and_we_read_its(kind: str, place: Path) -> None:
    key, make = MAKERS[kind]
    (place / "sealed").write_bytes(make(PLAIN))
    run("wakit", "crypt", "decrypt", "--in", place / "sealed", "--key", place / key, "--out", place / "found.db")
    assert (place / "found.db").read_bytes() == PLAIN
    other = database(50)
    (place / "other.db").write_bytes(other)
    like = ("--like", place / "sealed", "--key", place / key)
    run("wakit", "crypt", "encrypt", "--in", place / "other.db", *like, "--out", place / "made")
    assert opened((place / "made").read_bytes()) == other


def test_media_names_and_metadata_are_those_of_wa_crypt_tools(place: Path) -> None:
    """Its library has no program for these, so a program of two lines stands for it."""
    files = encrypted.mcrypt1(PLAIN, "Media/a.jpg", ROOT)
    program = (
        "import sys, hashlib\n"
        "from wa_crypt_tools.lib.key.key15 import Key15\n"
        "from wa_crypt_tools.lib.utils import get_mcrypt1_name, mcrypt1_metadata_decrypt\n"
        "key = Key15(keyarray=bytes.fromhex(sys.argv[1]))\n"
        "facts = mcrypt1_metadata_decrypt(key=key, encoded=sys.argv[2])\n"
        "print(facts['name'], get_mcrypt1_name(key=key, name=facts['name'], md5=bytes.fromhex(sys.argv[3])).hex())\n"
    )
    if not (PROGRAMS / "wadecrypt").exists():
        pytest.skip("wa-crypt-tools is not installed")
    md5 = hashlib.md5(PLAIN).hexdigest()
    command = [sys.executable, "-c", program, ROOT.hex(), files.metadata, md5]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["Media/a.jpg", files.name.removesuffix(".mcrypt1").lower()]
