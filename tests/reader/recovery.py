"""Recovery key as text (format.md 4.3)."""

import hashlib

from reader.problem import demand

IGNORED = b" \t\r\n\v\f-:"
ROW_COUNT = 4
ROW_DIGITS = 16
CHECK_DIGITS = 2


def parse_recovery_text(text: bytes) -> bytes:
    """Read a printed recovery key; 32 bytes.

    Raises:
        FormatProblem: F-19 *malformed*, naming the row whose check is wrong.
    """
    lines = [line for line in text.splitlines() if not line.startswith(b"#")]
    digits = b"\n".join(lines).translate(None, IGNORED)
    is_hex = all(digit in b"0123456789abcdefABCDEF" for digit in digits)
    demand(is_hex, "malformed", "F-19", "recovery key has something that is not a digit")
    if len(digits) == ROW_COUNT * ROW_DIGITS:
        return bytes.fromhex(digits.decode())
    row_size = ROW_DIGITS + CHECK_DIGITS
    wanted = ROW_COUNT * row_size
    found = len(digits)
    demand(found == wanted, "malformed", "F-19", f"wanted 64 or 72 digits, found {found}")
    key = b""
    for number in range(1, ROW_COUNT + 1):
        row = bytes.fromhex(digits[(number - 1) * row_size : number * row_size].decode())
        named = b"wafs recovery row " + str(number).encode() + row[:-1]
        check = hashlib.sha256(named).digest()[0]
        demand(row[-1] == check, "malformed", "F-19", f"check digits of row {number} are wrong")
        key += row[:-1]
    return key
