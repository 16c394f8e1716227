"""Out folder: the folder that gets what was made, outside of every vault."""

import os

from wafs.errors import ExistsError, NotADirError, NotFoundError, UsageError


def check_out(out: str, *, vault: str, force: bool) -> None:
    """Refuse a folder that is in the vault, or that has entries unless `force`; it may be missing.

    Raises: UsageError, ExistsError, NotADirError, NotFoundError, OSError.
    """
    real = os.path.realpath(vault)
    if os.path.commonpath([real, os.path.realpath(out)]) == real:
        msg = f"{out} lies inside the vault: what is put there would not be encrypted"
        raise UsageError(msg, hint="choose a place outside of the vault, or keep it in the vault with --keep-in")
    if os.path.isdir(out):
        if os.listdir(out) and not force:
            msg = f"{out} is not empty"
            raise ExistsError(msg, hint="choose a new folder, or add to this one with --force")
    elif os.path.lexists(out):
        msg = f"{out} is not a folder"
        raise NotADirError(msg)
    elif not os.path.isdir(above := os.path.dirname(os.path.abspath(out))):
        msg = f"there is no folder {above}"
        raise NotFoundError(msg, hint="make it first")
