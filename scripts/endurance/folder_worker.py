"""Folder worker: changes a folder until a call fails. `folder_worker FOLDER LOG BEAT SEED`."""

from __future__ import annotations

import random
import sys
from pathlib import Path

from endurance.folder_life import FolderLife
from endurance.folder_model import scan
from endurance.operation_log import OperationLog


def main() -> None:
    """Work until the daemon is gone; leaves with the exit code 1 and the reason."""
    top, log_path, beat, seed = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    life = FolderLife(top, random.Random(seed), scan(top))
    log = OperationLog(log_path, beat)
    while True:
        operation = life.choose()
        log.begin(operation)
        try:
            life.perform(operation)
        except OSError as error:
            sys.exit(f"{operation.kind}: {error}")
        log.done()


if __name__ == "__main__":
    main()
