"""Exit codes are a promise: the table, and the worst of several."""

from __future__ import annotations

import errno

import pytest

from wafs import errors
from wafs.cli.exitcodes import MEANINGS, exit_code_of, worst_of

EXPECTED = [
    (errors.UserError(), 1),
    (errors.SecretInputError(), 1),
    (errors.MountError(), 1),
    (errors.NotFoundError(), 1),
    (errors.ReadOnlyError(), 1),
    (errors.UsageError(), 2),
    (errors.WrongSecretError(), 3),
    (errors.NotAVaultError(), 4),
    (errors.UnsupportedFormatError(), 4),
    (errors.HeaderDamageError(), 5),
    (errors.AuthenticationError(), 5),
    (errors.LimitError(), 5),
    (errors.VaultInUseError(), 6),
    (OSError(errno.ENOSPC, "full"), 7),
    (PermissionError(errno.EACCES, "no"), 7),
    (BrokenPipeError(), 1),
    (MemoryError(), 1),
    (ZeroDivisionError(), 70),
    (AssertionError(), 70),
    (KeyboardInterrupt(), 130),
]


@pytest.mark.parametrize(("error", "code"), EXPECTED, ids=lambda x: type(x).__name__)
def test_every_error_has_its_code(error: BaseException, code: int) -> None:
    assert exit_code_of(error) == code


def test_every_code_has_a_meaning() -> None:
    assert {code for _, code in EXPECTED} | {0} == set(MEANINGS)


@pytest.mark.parametrize(
    ("codes", "worst"), [([], 0), ([1], 1), ([1, 7], 7), ([7, 5, 1], 5), ([7, 7], 7), ([3, 7], 7), ([1, 3], 1)]
)
def test_damage_is_worse_than_storage_and_that_than_the_rest(codes: list[int], worst: int) -> None:
    assert worst_of(codes) == worst
