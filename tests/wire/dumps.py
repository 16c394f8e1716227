"""Dumps: the recordings in data/*.hex, read back."""

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path

from wire.layouts import Value, Values

DATA = Path(__file__).parent / "data"
_LINE = re.compile(r"([<>]) ([0-9a-f]{4})  ([0-9a-f ]*?)(?:\s*# ([\w\[\]]+) = (.*))?")


@dataclass
class Message:
    """A request or a reply: its bytes, and what its annotations say, header and body apart."""

    raw: bytes = b""
    header: Values = field(default_factory=dict)
    body: Values = field(default_factory=dict)


@dataclass
class Dump:
    """One recording."""

    opcode: str
    request: Message = field(default_factory=Message)
    reply: Message = field(default_factory=Message)


def load(path: Path) -> Dump:
    """Read one recording; raises ValueError if it has a gap or a line of another form."""
    lines = path.read_text("ascii").splitlines()
    dump = Dump(lines[0].removeprefix("# ").partition(",")[0])
    for line in lines:
        if line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            msg = f"{path.name}: {line!r} is no line of a dump"
            raise ValueError(msg)
        direction, offset, raw, name, value = match.groups()
        message, header_size = (dump.request, 40) if direction == ">" else (dump.reply, 16)
        if int(offset, 16) != len(message.raw):
            msg = f"{path.name}: gap before {line!r}"
            raise ValueError(msg)
        if name is not None:
            known = message.header if len(message.raw) < header_size else message.body
            known[name] = _value(value)
        message.raw += bytes.fromhex(raw)
    return dump


def _value(text: str) -> Value:
    value = ast.literal_eval(text)
    if not isinstance(value, int | bytes):
        msg = f"{text} is neither a number nor bytes"
        raise TypeError(msg)
    return value
