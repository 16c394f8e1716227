"""Tree writer: small vaults on disk, for tests that need a folder and not only bytes."""

import dataclasses
import os
from pathlib import Path

from vectors.recipes.directories import ROOT_ID, Place
from vectors.recipes.file_writer import FileWriter
from vectors.recipes.header_writer import PASSWORD, HeaderWriter
from vectors.recipes.name_writer import NameWriter
from vectors.recipes.nodes import AttributeWriter, sealed_target
from vectors.recipes.recipe import Keys
from vectors.recipes.seal import Dice, b64, blake2b, pad16

__all__ = ["PASSWORD", "Folder", "VaultWriter"]


@dataclasses.dataclass(frozen=True, slots=True)
class VaultWriter:
    """One vault in an empty folder, with a password slot and a recovery slot."""

    root: Path
    headers: HeaderWriter

    @classmethod
    def made(cls, root: Path) -> "VaultWriter":
        """Make the vault: both headers and an empty tree."""
        headers = HeaderWriter.of("vault")
        writer = cls(root, headers)
        writer.write_headers(headers.header([headers.password_slot(), headers.recovery_slot()]))
        (root / "tree").mkdir()
        return writer

    @property
    def recovery_key(self) -> bytes:
        """The recovery key of the vault."""
        return self.headers.recovery_key

    @property
    def top(self) -> "Folder":
        """The root directory."""
        return Folder(self.headers.dice, self.headers.keys, self.root / "tree", ROOT_ID)

    def write_headers(self, data: bytes, *, copy: bytes | None = None) -> None:
        """Write wafs.vault and its copy, the same bytes unless the copy is given."""
        (self.root / "wafs.vault").write_bytes(data)
        (self.root / "wafs.vault.copy").write_bytes(data if copy is None else copy)


@dataclasses.dataclass(frozen=True, slots=True)
class Folder:
    """One directory of the tree; what is put into it is named by its plain name."""

    dice: Dice
    keys: Keys
    path: Path
    directory_id: bytes

    def entry(self, name: bytes) -> Path:
        """Path for a new entry; the .name file of a long name is written first."""
        entry, sealed = NameWriter(self.keys, self.directory_id).entry(name)
        if sealed:
            (self.path / entry.replace(".wafl", ".name")).write_bytes(sealed)
        return self.path / entry

    def put_file(self, name: bytes, plain: bytes) -> Path:
        """Make a file."""
        path = self.entry(name)
        chunks = self.writer(name)
        path.write_bytes(chunks.file(len(plain), chunks.chunks(plain)))
        return path

    def writer(self, name: bytes) -> FileWriter:
        """Give the writer of the file of a name."""
        return FileWriter(self.dice, self.keys, f"{self.directory_id.hex()} {name!r}")

    def put_folder(self, name: bytes) -> "Folder":
        """Make a directory with its implied id."""
        path = self.entry(name)
        path.mkdir()
        key = self.keys.subkey("directory ids", 32)
        directory_id = blake2b(key, 16, self.directory_id + name)
        return Folder(self.dice, self.keys, path, directory_id)

    def put_recorded_folder(self, name: bytes, *, two_records: bool = False) -> "Folder":
        """Make a directory with wafs.dir, in the middle of a rename if two records are wanted."""
        path = self.entry(name)
        path.mkdir()
        place = Place(self.dice, self.keys, name, self.directory_id)
        before = place.record(name=b"before") if two_records else b""
        (path / "wafs.dir").write_bytes(before + place.record())
        return Folder(self.dice, self.keys, path, place.directory_id)

    def put_symlink(self, name: bytes, target: bytes) -> None:
        """Make a symlink."""
        text = b64(sealed_target(self.keys, self.dice, target))
        self.entry(name).symlink_to(text)

    def set_attribute(self, path: Path, object_id: bytes, name: bytes, value: bytes) -> None:
        """Set an attribute ``user.NAME`` on a ciphertext file or directory."""
        writer = AttributeWriter(self.dice, self.keys, object_id)
        stored = writer.name(pad16(name))
        os.setxattr(path, stored, writer.value(stored, value))
