"""Content context: what all contents of an open vault share."""

from dataclasses import dataclass

from wafs.crypto.aead import Gcm
from wafs.crypto.root import RootHash
from wafs.store.base import Store
from wafs.vault.checkpoint import Checkpoint
from wafs.vault.replay import Replay


@dataclass(frozen=True, slots=True)
class ContentContext:
    """Store, keys and chunk size; with a `checkpoint` promised chunks change through its journal.

    `replay` is what a journal tells that this process may not bring in place.
    """

    store: Store
    file_keys: Gcm
    root: RootHash
    chunk_size: int
    checkpoint: Checkpoint | None = None
    replay: Replay | None = None
