"""Loader: vectors from the files in ``data``.

A vector file is ASCII: header lines ``key: value``, an empty line, then the bytes in
hexadecimal. README.md beside this file lists the kinds and their inputs.
"""

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path

DATA_FOLDER = Path(__file__).parent / "data"
SUFFIX = ".vec"
BYTES_PER_LINE = 64
OWN_KEYS = ("kind", "expect", "rule", "comment", "plain-sha256")


@dataclasses.dataclass(frozen=True, slots=True)
class Vector:
    """One scenario.

    Attributes:
        name: of the file, without its suffix.
        kind: what the bytes are; decides which inputs there are.
        expect: result class of format.md section 1.
        rule: the rule that is broken, or that the vector shows where it is a success.
        comment: the scenario in one sentence.
        plain_sha256: hash of what may be released; None where nothing may.
        inputs: the other header lines, values as text.
        data: the bytes.
    """

    name: str
    kind: str
    expect: str
    rule: str
    comment: str
    plain_sha256: str | None
    inputs: Mapping[str, str]
    data: bytes

    def bytes_of(self, key: str) -> bytes:
        """Give an input that is written in hexadecimal."""
        return bytes.fromhex(self.inputs[key])

    def matches(self, plain: bytes) -> bool:
        """Say whether plain is exactly what this vector may release."""
        return hashlib.sha256(plain).hexdigest() == self.plain_sha256

    def render(self) -> str:
        """Give the text of the vector file."""
        lines = {"kind": self.kind, "expect": self.expect, "rule": self.rule}
        lines |= {"comment": self.comment, **self.inputs}
        if self.plain_sha256 is not None:
            lines["plain-sha256"] = self.plain_sha256
        header = "".join(f"{key}: {value}".rstrip() + "\n" for key, value in lines.items())
        rows = range(0, len(self.data), BYTES_PER_LINE)
        body = "".join(f"{self.data[at : at + BYTES_PER_LINE].hex()}\n" for at in rows)
        return f"{header}\n{body}"


def parse_vector(name: str, text: str) -> Vector:
    """Read the text of a vector file; ValueError if a line or a key is not as it must be."""
    header, _, body = text.partition("\n\n")
    lines = [line.partition(":") for line in header.splitlines()]
    fields = {key: value.strip() for key, _, value in lines}
    if len(fields) != len(lines):
        message = f"vector {name} has a key twice"
        raise ValueError(message)
    missing = [key for key in OWN_KEYS[:-1] if key not in fields]
    if missing:
        message = f"vector {name} has no {missing}"
        raise ValueError(message)
    return Vector(
        name=name,
        kind=fields["kind"],
        expect=fields["expect"],
        rule=fields["rule"],
        comment=fields["comment"],
        plain_sha256=fields.get("plain-sha256"),
        inputs={key: value for key, value in fields.items() if key not in OWN_KEYS},
        data=bytes.fromhex(body),
    )


def load_vectors(folder: Path = DATA_FOLDER) -> list[Vector]:
    """Load all vectors of a folder, in the order of their names."""
    files = sorted(folder.glob(f"*{SUFFIX}"))
    return [parse_vector(file.stem, file.read_text(encoding="ascii")) for file in files]
