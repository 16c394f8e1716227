"""Client: one of several programs that work at the same time; started by clients.py.

`client.py create|read FOLDER COUNT` says `ready`, waits for a line, works, and says `done`.
"""

from __future__ import annotations

import gc
import os
import sys

FILE_SIZE = 8192


def main() -> None:
    """Make or read the files, when told to."""
    what, folder, count = sys.argv[1:]
    paths = [f"{folder}/IMG-20240101-WA{number:04d}.jpg" for number in range(int(count))]
    content = os.urandom(FILE_SIZE)
    gc.disable()
    print("ready", flush=True)
    sys.stdin.readline()
    for path in paths:
        if what == "create":
            fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
            moved = os.write(fd, content)
        else:
            fd = os.open(path, os.O_RDONLY)
            moved = len(os.read(fd, 2 * FILE_SIZE))
        os.close(fd)
        if moved != FILE_SIZE:
            sys.exit(f"{moved} bytes of {FILE_SIZE} in {path}")
    print("done", flush=True)


if __name__ == "__main__":
    main()
