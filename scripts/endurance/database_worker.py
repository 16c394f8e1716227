"""Database worker: commits transactions until a call fails. `database_worker DATABASE MODE LOG BEAT WRITER`."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from endurance.database_model import last_number, transact
from endurance.folder_model import Operation
from endurance.operation_log import OperationLog


def main() -> None:
    """Work until the daemon is gone; leaves with the exit code 1 and the reason."""
    path, mode, log_path, beat, writer = sys.argv[1:]
    log = OperationLog(Path(log_path), int(beat))
    try:
        with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as db:
            db.execute(f"PRAGMA journal_mode={mode}")
            db.execute("PRAGMA synchronous=FULL")
            db.execute("PRAGMA wal_autocheckpoint=30")
            number = last_number(db, writer) + 1
            while True:
                log.begin(Operation("commit", writer, offset=number))
                transact(db, writer, number)
                log.done()
                number += 1
    except (OSError, sqlite3.Error) as error:
        sys.exit(f"transaction: {error}")


if __name__ == "__main__":
    main()
