"""Vfs: one open vault as a filesystem; puts the parts together."""

import contextlib
from types import TracebackType
from typing import Self

from wafs.fs.attributes import Attributes
from wafs.fs.commits import Commits
from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.fs.files import Files
from wafs.fs.reasons import Reasons
from wafs.fs.rename import Renamer
from wafs.fs.streams import Streams
from wafs.fs.tree import Tree
from wafs.fs.xattrs import Xattrs
from wafs.vault.vault import Vault


class Vfs:
    """The operations on a vault, by kind: `tree`, `renamer`, `files`, `attributes`, `streams`, `xattrs`.

    `reasons` keeps why some failed.

    Takes over the vault. `give_to_caller`: new entries belong to who makes them, for a mount that serves several users.
    Thread: any. Errors are `WafsError` and `OSError`; both have an errno in `wafs.fuse.errno`.
    """

    def __init__(self, vault: Vault, *, give_to_caller: bool = False) -> None:
        self.vault = vault
        try:
            context = FsContext(vault, give_to_caller=give_to_caller)
        except BaseException:
            vault.close()
            raise
        contents = Contents(context)
        self.context = context
        self._contents = contents
        self.tree = Tree(context, contents)
        self.renamer = Renamer(context, self.tree, contents)
        self.commits = Commits(context, contents)
        self.files = Files(context, contents, self.commits)
        self.attributes = Attributes(context, contents)
        self.streams = Streams(context, self.tree)
        self.xattrs = Xattrs(context, contents)
        self.reasons = Reasons(context)

    def close(self) -> None:
        """Seal and close everything, bring what is in the journal to its place, then close the vault.

        Raises: OSError, DamageError if that could not be done for a file; everything is closed all the same, and the
        journal is then there for the next who opens the vault.
        """
        with contextlib.ExitStack() as stack:
            stack.callback(self.vault.close)
            stack.callback(self.context.dir_handles.clear)
            stack.callback(self.context.neighbours.clear)
            stack.callback(self.context.inodes.drop_kept)
            stack.callback(self.context.prefetch.close)
            stack.callback(self._contents.sweep, all_of_them=True)
            stack.callback(self.commits.finish)
            stack.callback(self.files.release_all)
            stack.callback(self.streams.release_all)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
