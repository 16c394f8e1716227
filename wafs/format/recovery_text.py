"""Recovery text: the recovery key as a person copies it (format.md section 4.3)."""

from typing import Final

from wafs.crypto.digest import sha256
from wafs.errors import SecretInputError

RECOVERY_KEY_SIZE: Final = 32

_ROWS: Final = 4
_ROW_BYTES: Final = 8
_IGNORED: Final = str.maketrans("", "", " \t\r\n-:")


def format_recovery_key(key: bytes) -> str:
    """Write a recovery key as four rows of four groups and two check digits each.

    Sizes: 32 bytes -> four lines.
    """
    rows = []
    for number in range(_ROWS):
        row = key[number * _ROW_BYTES : (number + 1) * _ROW_BYTES]
        digits = row.hex()
        groups = [digits[i : i + 4] for i in range(0, len(digits), 4)]
        rows.append(" ".join(groups) + "  " + _check_digits(number, row))
    return "\n".join(rows)


def parse_recovery_key(text: str) -> bytes:
    """Read a recovery key, with or without its check digits (F-19).

    Raises: SecretInputError that names the row with the mistake.
    """
    lines = [line for line in text.replace("\r", "\n").split("\n") if not line.lstrip(" \t").startswith("#")]
    digits = "\n".join(lines).translate(_IGNORED).lower()
    if bad := sorted(set(digits) - set("0123456789abcdef")):
        msg = f"recovery key has the character {bad[0]!r}, wanted hexadecimal digits only"
        raise SecretInputError(msg, hint="it has the digits 0 to 9 and the letters a to f")
    if len(digits) == 2 * RECOVERY_KEY_SIZE:
        return bytes.fromhex(digits)
    row_digits = 2 * _ROW_BYTES + 2
    if len(digits) != _ROWS * row_digits:
        msg = f"recovery key has {len(digits)} digits, wanted 64, or 72 with the check digits"
        raise SecretInputError(msg, hint="type the four rows as they were printed")
    key = b""
    for number in range(_ROWS):
        part = digits[number * row_digits : (number + 1) * row_digits]
        row = bytes.fromhex(part[:-2])
        if part[-2:] != _check_digits(number, row):
            msg = f"row {number + 1} of the recovery key has a typing mistake: its check digits do not fit"
            raise SecretInputError(msg, hint="compare this row with the print")
        key += row
    return key


def _check_digits(number: int, row: bytes) -> str:
    return sha256(b"wafs recovery row %d" % (number + 1) + row)[:1].hex()
