"""Soak worker: changes a folder and checks it until it is told to end. `soak_worker FOLDER STATE BEAT SEED`.

What the folder holds is kept in the file STATE, outside the mount, and compared when a later worker goes on. It ends
when there is a file `stop` beside STATE.
"""

from __future__ import annotations

import os
import pickle
import random
import signal
import sys
from pathlib import Path

from endurance.folder_life import FolderLife
from endurance.folder_model import Tree, difference, scan

_CHECK_EVERY = 3


def main() -> None:
    """Work; leaves with the exit code 1 and the reason when something is not as it should be."""
    top, state, beat, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    stop = state.with_name("stop")
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tree: Tree = pickle.loads(state.read_bytes()) if state.exists() else {}  # noqa: S301  our own
    compare(top, tree)
    life = FolderLife(top, random.Random(seed), tree)
    turn = 0
    while not stop.exists():
        life.perform(life.choose())
        if turn % _CHECK_EVERY == 0:
            life.check()
        os.write(beat, b".")
        turn += 1
    life.close()
    compare(top, tree)
    state.write_bytes(pickle.dumps(tree))


def compare(top: Path, tree: Tree) -> None:
    """Read everything; leave if it is not as it should be."""
    reason = difference(scan(top), tree)
    if reason is not None:
        sys.exit(reason)


if __name__ == "__main__":
    main()
