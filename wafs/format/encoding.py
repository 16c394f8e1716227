"""Encoding: canonical base64url and canonical msgpack (F-01, F-02)."""

import binascii
from collections.abc import Callable
from typing import Any

import msgpack

from wafs.errors import LimitError, MalformedError

MAX_DEPTH = 4
MAX_STR = 256

Value = int | str | bytes | list["Value"] | dict[str, "Value"]

_TO_URL = bytes.maketrans(b"+/", b"-_")
# What base64url does not use becomes a character that no base64 has.
_FROM_URL = bytes.maketrans(b"-_+/=", b"+/!!!")


def b64_encode(data: bytes) -> bytes:
    """Encode as base64url without padding.

    Sizes: n bytes -> ceil(4n / 3) characters.
    """
    return binascii.b2a_base64(data, newline=False).translate(_TO_URL).rstrip(b"=")


def b64_decode(text: bytes) -> bytes:
    """Decode what `b64_encode` makes, and nothing else.

    Raises: MalformedError (F-01).
    """
    padded = text.translate(_FROM_URL) + b"=" * (-len(text) % 4)
    try:
        data = binascii.a2b_base64(padded)
    except binascii.Error:
        data = b""
    if binascii.b2a_base64(data, newline=False) != padded:
        msg = "text is not canonical base64url"
        raise MalformedError(msg)
    return data


def pack(value: Value) -> bytes:
    """Encode a value canonically; maps are written in ascending order of their keys."""
    return bytes(msgpack.packb(_ordered(value), use_bin_type=True))


def pack_list(value: list[Any]) -> bytes:
    """Encode a list in which there is no map, and so nothing to be ordered; bytes in it may be any buffer.

    What the journal writes passes through here. One packer for all, as a new one takes memory from the system each
    time; the thread that packs keeps the interpreter until it is done.
    """
    return _pack_list(value)


_pack_list: Callable[[list[Any]], bytes] = msgpack.Packer(use_bin_type=True).pack


def unpack(data: bytes) -> Value:
    """Decode one canonical value.

    The caller has checked the length of `data`; memory used is proportional to it.
    Raises: MalformedError; LimitError for nesting beyond 4 (F-02).
    """
    try:
        value = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=False,
            max_ext_len=0,
            max_str_len=len(data),
            max_bin_len=len(data),
            max_array_len=len(data),
            max_map_len=len(data),
        )
    except msgpack.StackError as error:
        msg = f"msgpack nested deeper than {MAX_DEPTH}"
        raise LimitError(msg) from error
    except (ValueError, TypeError, RecursionError, msgpack.UnpackException) as error:
        msg = "data is not one msgpack value"
        raise MalformedError(msg) from error
    _check(value, 1)
    if pack(value) != data:
        msg = "msgpack is not canonical"
        raise MalformedError(msg)
    return value  # type: ignore[no-any-return]  # _check has proven the type


def _check(value: object, depth: int) -> None:
    match value:
        case list() | dict() if depth > MAX_DEPTH:
            msg = f"msgpack nested deeper than {MAX_DEPTH}"
            raise LimitError(msg)
        case dict():
            for key, item in value.items():
                _check_scalar(key, str)
                _check(item, depth + 1)
        case list():
            for item in value:
                _check(item, depth + 1)
        case _:
            _check_scalar(value, int, bytes, str)


def _check_scalar(value: object, *kinds: type) -> None:
    # bool is an int to Python, and is not one to the format.
    fits = isinstance(value, kinds) and not isinstance(value, bool)
    if not fits or (isinstance(value, int) and value < 0):
        msg = "msgpack holds a type that the format does not use"
        raise MalformedError(msg)
    if isinstance(value, str) and len(value.encode()) > MAX_STR:
        msg = f"text of {len(value)} characters, at most {MAX_STR} bytes are allowed"
        raise MalformedError(msg)


def _ordered(value: Value) -> Value:
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=str.encode)}
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    return value
