"""Deep trees: nothing on the way to an inode may recurse."""

from pathlib import Path

from wafs.format.slot import Argon2Cost
from wafs.fs.attrs import Caller
from wafs.fs.vfs import Vfs
from wafs.vault.vault import create_vault, open_vault

DEPTH = 1500
"""More folders than Python's stack has frames."""


def test_a_folder_deeper_than_the_stack_is_reached(tmp_path: Path) -> None:
    path = str(tmp_path / "vault")
    create_vault(path, b"pw", recovery_key=bytes(32), cost=Argon2Cost(8192, 1, 1))
    with Vfs(open_vault(path, {"recovery": bytes(32)}.get)) as vfs:
        folders = [1]
        for _ in range(DEPTH):
            folders.append(vfs.tree.mkdir(folders[-1], b"d", 0o700, Caller(0, 0)).ino)
        vfs.context.dir_handles.clear()
        made = vfs.tree.mkdir(folders[-1], b"d", 0o700, Caller(0, 0))
        assert vfs.tree.lookup(folders[-1], b"d").ino == made.ino
        # The tools that clean up after a test recurse.
        for folder in reversed(folders):
            vfs.tree.rmdir(folder, b"d")
