"""Vfs: one open vault as a filesystem; puts the parts together."""

from types import TracebackType
from typing import Self

from wafs.fs.attributes import Attributes
from wafs.fs.contents import Contents
from wafs.fs.context import FsContext
from wafs.fs.files import Files
from wafs.fs.rename import Renamer
from wafs.fs.streams import Streams
from wafs.fs.tree import Tree
from wafs.fs.xattrs import Xattrs
from wafs.vault.vault import Vault


class Vfs:
    """The operations on a vault, by kind: `tree`, `renamer`, `files`, `attributes`, `streams`, `xattrs`.

    Takes over the vault. `give_to_caller`: new entries belong to who makes them, for a mount that serves several users.
    Thread: any. Errors are `WafsError` and `OSError`; both have an errno in `wafs.fuse.errno`.
    """

    def __init__(self, vault: Vault, *, give_to_caller: bool = False) -> None:
        self.vault = vault
        context = FsContext(vault, give_to_caller=give_to_caller)
        contents = Contents(context)
        self.context = context
        self.tree = Tree(context, contents)
        self.renamer = Renamer(context, self.tree)
        self.files = Files(context, contents)
        self.attributes = Attributes(context, contents)
        self.streams = Streams(context, self.tree)
        self.xattrs = Xattrs(context, contents)

    def close(self) -> None:
        """Seal and close everything, then the vault.

        Raises: OSError if a file could not be sealed; everything is closed all the same.
        """
        try:
            self.streams.release_all()
            self.files.release_all()
        finally:
            self.context.dir_handles.clear()
            self.vault.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
