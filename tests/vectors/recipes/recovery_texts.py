"""Vectors of the recovery key as text (F-19)."""

from collections.abc import Iterator

from vectors.loader import Vector
from vectors.recipes.recipe import recipe
from vectors.recipes.seal import Dice, sha256


def printed_rows(key: bytes) -> list[str]:
    """Four rows in print: four groups of four digits and the check."""
    rows = []
    for number in range(4):
        row = key[8 * number : 8 * number + 8]
        check = sha256(f"wafs recovery row {number + 1}".encode() + row)[:1].hex()
        digits = row.hex()
        rows.append(" ".join([*(digits[at : at + 4] for at in range(0, 16, 4)), check]))
    return rows


def _wrong_digit(row: str, at: int) -> str:
    return row[:at] + ("1" if row[at] == "0" else "0") + row[at + 1 :]


def vectors() -> Iterator[Vector]:
    """Make the vectors of this module."""
    key = Dice("recovery-text").roll("recovery key", 32)
    rows = printed_rows(key)
    good = {
        "printed": ("\n".join(rows) + "\n", "as it is printed"),
        "one-line": ("".join(rows).replace(" ", ""), "72 digits in one piece"),
        "no-checks": (key.hex(), "64 digits"),
        "upper-case": ("\n".join(rows).upper(), "capital digits"),
        "marks": ("-".join(rows).replace(" ", ":"), "hyphens and colons between the groups"),
        "comments": (
            "# wafs recovery key, 1234\n" + "\r\n".join(rows) + "\n# 5678 abcd\n",
            "comment lines with digits and rows that end with CR LF",
        ),
    }
    for name, (text, comment) in good.items():
        full = f"recovery-ok-{name}"
        data = text.encode()
        yield recipe(full, "F-19", comment, data, kind="recovery-text", plain=key)
    bad = {
        "check-1": ([_wrong_digit(rows[0], 21), *rows[1:]], "check digits of row 1 are wrong"),
        "check-4": ([*rows[:3], _wrong_digit(rows[3], 20)], "check digits of row 4 are wrong"),
        "digit-3": ([*rows[:2], _wrong_digit(rows[2], 6), rows[3]], "a wrong digit in row 3"),
        "rows-swapped": ([rows[1], rows[0], *rows[2:]], "rows 1 and 2 changed places"),
        "one-digit-less": ([*rows[:3], rows[3][:-1]], "71 digits"),
        "one-digit-more": ([*rows[:3], rows[3] + "0"], "73 digits"),
        "63-digits": ([key.hex()[:-1]], "63 digits, without checks"),
        "letter": ([rows[0].replace(rows[0][0], "g", 1), *rows[1:]], "a letter that is no digit"),
        "empty": ([""], "no digits"),
    }
    for name, (bad_rows, comment) in bad.items():
        full = f"recovery-{name}"
        data = "\n".join(bad_rows).encode()
        yield recipe(full, "F-19", comment, data, kind="recovery-text", expect="malformed")
