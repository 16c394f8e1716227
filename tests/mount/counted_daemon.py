"""Counted daemon: mounts a vault of `make_vault` and counts the calls of its store in a file.

Started as `python -m mount.counted_daemon VAULT MOUNTPOINT COUNTS`; ends when it is unmounted.
"""

from __future__ import annotations

import sys
from pathlib import Path

from store.counting import CountingStore, shared_counts
from vault.making import opened
from wafs.fs.vfs import Vfs
from wafs.fuse.mount import MountOptions, serve


def main() -> None:
    vault, place, file = sys.argv[1:]
    with shared_counts(Path(file)) as counts:
        wrapped = opened(Path(vault), wrap=lambda store: CountingStore(store, counts).store)
        with Vfs(wrapped) as vfs:
            serve(vfs, MountOptions(place), lambda: None)


if __name__ == "__main__":
    main()
