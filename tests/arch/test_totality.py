"""Every error of wafs has an errno and an exit code; none falls through the tables."""

from __future__ import annotations

import errno
import importlib
import pkgutil

import pytest

import wafs
from wafs import errors
from wafs.cli.exitcodes import exit_code_of
from wafs.errors import WafsError
from wafs.fuse.errno import errno_of

FAILURES = {1, 2, 3, 4, 5, 6, 7}

POSIX = {
    errors.NotFoundError: errno.ENOENT,
    errors.ExistsError: errno.EEXIST,
    errors.NotADirError: errno.ENOTDIR,
    errors.IsADirError: errno.EISDIR,
    errors.NotEmptyError: errno.ENOTEMPTY,
    errors.NameTooLongError: errno.ENAMETOOLONG,
    errors.ReadOnlyError: errno.EROFS,
    errors.BadHandleError: errno.EBADF,
}
EXITS = {
    errors.UsageError: 2,
    errors.WrongSecretError: 3,
    errors.NotAVaultError: 4,
    errors.UnsupportedFormatError: 4,
    errors.DamageError: 5,
    errors.VaultInUseError: 6,
}


def every_error() -> list[type[WafsError]]:
    """All subclasses, at any depth, in any module of wafs."""
    for module in pkgutil.walk_packages(wafs.__path__, "wafs."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found: list[type[WafsError]] = [WafsError]
    for kind in found:
        found.extend(sub for sub in kind.__subclasses__() if sub not in found)
    return found


@pytest.mark.parametrize("kind", every_error())
def test_every_error_has_an_errno(kind: type[WafsError]) -> None:
    number = errno_of(kind("what was found"))
    assert number in errno.errorcode
    if issubclass(kind, errors.FsError) and kind is not errors.FsError:
        assert number != errno.EIO, "EIO means damage; this one has an errno of its own"
    if issubclass(kind, errors.DamageError):
        assert number == errno.EIO


@pytest.mark.parametrize("kind", every_error())
def test_every_error_has_an_exit_code(kind: type[WafsError]) -> None:
    code = exit_code_of(kind("what was found"))
    assert code in FAILURES
    for family, expected in EXITS.items():
        if issubclass(kind, family):
            assert code == expected


@pytest.mark.parametrize(("kind", "expected"), POSIX.items(), ids=lambda x: getattr(x, "__name__", x))
def test_file_errors_have_the_errno_of_posix(kind: type[WafsError], expected: int) -> None:
    assert errno_of(kind("what was found")) == expected


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EDQUOT, errno.EIO])
def test_failures_of_the_storage_keep_their_errno(number: int) -> None:
    failure = OSError(number, "from below")
    assert errno_of(failure) == number
    assert exit_code_of(failure) == 7


def test_a_bug_is_told_apart_from_a_failure() -> None:
    assert exit_code_of(ValueError("a bug")) == 70
    assert errno_of(ValueError("a bug")) == errno.EIO
    assert exit_code_of(KeyboardInterrupt()) == 130
