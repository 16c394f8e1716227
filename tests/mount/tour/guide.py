"""Guide: runs checks in a folder, as whoever it is told to be. Each check says on its own what POSIX or Linux promises.

    python -m mount.tour.guide UID FOLDER [CHECK ...]

The checks are the same on a disk, on a mount, and for root and normal users. All is imported before root is given up:
an interpreter below root's home could not load it afterwards.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Final

from mount.tour import attributes, content, names, processes, rights

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHECKS: Final[dict[str, Callable[[str], None]]] = {
    name: value
    for module in (attributes, content, names, processes, rights)
    for name, value in vars(module).items()
    if name.startswith("check_")
}


def main(arguments: Sequence[str]) -> None:
    """Become a user and run the checks, each in a new folder."""
    uid, folder, *chosen = arguments
    if int(uid) != os.getuid():
        os.setgroups([])
        os.setresgid(int(uid), int(uid), int(uid))
        os.setresuid(int(uid), int(uid), int(uid))
    for name in chosen or CHECKS:
        own = os.path.join(folder, name)
        os.mkdir(own)
        os.chdir(own)
        try:
            CHECKS[name](own)
        finally:
            os.chdir(folder)
            shutil.rmtree(own)
        sys.stdout.write(f"{name}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
