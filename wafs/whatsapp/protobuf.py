"""Protobuf: a strict reader of the few messages that backups begin with.

Messages in messages are bytes to it; who knows that a field is one reads it with another call, so depth cannot hurt.
"""

from typing import Final, NamedTuple

from wafs.errors import LimitError, MalformedError

MAX_MESSAGE: Final = 4096
MAX_FIELDS: Final = 512

_MAX_VARINT: Final = 10
_VARINT, _FIXED_64, _BYTES, _FIXED_32 = 0, 1, 2, 5
_FIXED_SIZES: Final = {_FIXED_64: 8, _FIXED_32: 4}


class Varint(NamedTuple):
    """A number, and where what follows it begins."""

    value: int
    stop: int


Message = dict[int, list[int | bytes]]
"""Values by the number of their field, in the order in which they came."""


def read_varint(data: bytes, at: int) -> Varint:
    """Read a number of at most 64 bits that begins at `at`.

    Raises: MalformedError if it is longer or cut off.
    """
    value = 0
    for place, byte in enumerate(data[at : at + _MAX_VARINT]):
        value |= (byte & 0x7F) << 7 * place
        if byte < 0x80:
            if value >> 64:
                break
            return Varint(value, at + place + 1)
    msg = "a number is cut off or longer than 64 bits"
    raise MalformedError(msg)


def read_message(data: bytes) -> Message:
    """Take a message apart into its fields.

    Raises: MalformedError for what is no message; LimitError for more than 4096 bytes or 512 fields, before they are
    looked at.
    """
    if len(data) > MAX_MESSAGE:
        msg = f"message of {len(data)} bytes, at most {MAX_MESSAGE} are allowed"
        raise LimitError(msg)
    fields: Message = {}
    at = count = 0
    while at < len(data):
        count += 1
        if count > MAX_FIELDS:
            msg = f"message has more than {MAX_FIELDS} fields"
            raise LimitError(msg)
        tag, at = read_varint(data, at)
        number, wire_type = tag >> 3, tag & 7
        if not 1 <= number < 1 << 29:
            msg = f"message has a field with the number {number}"
            raise MalformedError(msg)
        value: int | bytes
        if wire_type == _VARINT:
            value, at = read_varint(data, at)
        else:
            size, at = _size(data, at, wire_type)
            value = data[at : at + size]
            at += size
            if at > len(data):
                msg = "message is cut off in a field"
                raise MalformedError(msg)
        fields.setdefault(number, []).append(value)
    return fields


def only_bytes(message: Message, number: int) -> bytes | None:
    """Return the bytes of a field that is there at most once, None if it is not.

    Raises: MalformedError if there are several, or it is a number.
    """
    match message.get(number, []):
        case []:
            return None
        case [bytes(value)]:
            return value
    msg = f"field {number} of a message is not one of bytes"
    raise MalformedError(msg)


def _size(data: bytes, at: int, wire_type: int) -> Varint:
    if wire_type == _BYTES:
        return read_varint(data, at)
    if wire_type in _FIXED_SIZES:
        return Varint(_FIXED_SIZES[wire_type], at)
    msg = f"message has a field of the wire type {wire_type}"
    raise MalformedError(msg)
