"""Run place: where a command that works in a private mount leaves what it leaves by the way.

Tools write plaintext to temporary folders, caches, histories and lists of recent files. For such a command all these
places are in one folder of the mount, which is thrown away with it.
"""

import os
import secrets
from collections.abc import Mapping
from typing import Final

_PREFIX: Final = ".wafs-run-"
_TEMPORARY: Final = ("TMPDIR", "TMP", "TEMP", "TEMPDIR", "SQLITE_TMPDIR")
_HOME: Final = {
    "HOME": "home",
    "XDG_CACHE_HOME": "home/.cache",
    "XDG_CONFIG_HOME": "home/.config",
    "XDG_DATA_HOME": "home/.local/share",
    "XDG_STATE_HOME": "home/.local/state",
}
# Point to where the person's own tools and rights are when HOME is another one.
_FROM_HOME: Final = {"PYTHONUSERBASE": ".local", "XAUTHORITY": ".Xauthority"}

# Where shells and tools write down what was typed; without these they do it below HOME.
_HISTORIES: Final = ("HISTFILE", "_HISTORY", "_HISTORY_FILE")


class RunPlace:
    """A folder at the top of a mount that nobody else uses."""

    def __init__(self, mountpoint: str) -> None:
        self.mountpoint = mountpoint
        self.name = f"{_PREFIX}{secrets.token_hex(4)}"
        self.folder = os.path.join(mountpoint, self.name)

    def make(self) -> None:
        """Make the folder and those in it.

        Raises: OSError.
        """
        os.mkdir(self.folder, 0o700)
        os.mkdir(self.at("tmp"), 0o700)
        for name in _HOME.values():
            os.makedirs(self.at(name), 0o700)

    def environment(self, before: Mapping[str, str], folder: str, *, own_home: bool) -> dict[str, str]:
        """Return what a command in `folder` shall find in its environment; `own_home` leaves that to the person."""
        found = dict(before)
        found.update(dict.fromkeys(_TEMPORARY, self.at("tmp")))
        if "PWD" in found:
            # `cd -` leads back to where wafs was started.
            found["OLDPWD"] = found["PWD"]
        found["PWD"] = folder
        if own_home:
            return found
        home = os.path.expanduser("~")
        for name, below in _FROM_HOME.items():
            found.setdefault(name, os.path.join(home, below))
        found.update({name: self.at(below) for name, below in _HOME.items()})
        return {name: value for name, value in found.items() if not name.endswith(_HISTORIES)}

    def at(self, name: str) -> str:
        """Return a path in the folder."""
        return os.path.join(self.folder, name)
