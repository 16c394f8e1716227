"""Surroundings: what the examinations of all backups in a vault share."""

from collections.abc import Sequence
from typing import NamedTuple

from wafs.fs.vfs import Vfs
from wafs.whatsapp.crypt_files import CryptFacts
from wafs.whatsapp.doctor_watch import Watch
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.source import Candidate


class Surroundings(NamedTuple):
    """The open vault, its files, also by path, the keys that are known, and who looks on.

    `crypts` are the encrypted backups that were examined, by inode: snapshots have the same one under many names.
    """

    vfs: Vfs
    inventory: Sequence[VaultFile]
    by_path: dict[bytes, int]
    keys: Sequence[Candidate]
    watch: Watch
    crypts: dict[int, CryptFacts]
