"""Canonical msgpack (F-02): one value, one encoding; everything else is refused."""

from collections.abc import Iterator
from typing import Any

import msgpack

from reader.problem import demand, refuse

MAX_NESTING = 4
MAX_STR_SIZE = 256


def canonical_decode(data: bytes) -> Any:
    """Decode one value of the canonical subset.

    Raises:
        FormatProblem: F-02 *malformed*; nesting deeper than 4 is *limits* (section 9).
    """
    try:
        value = msgpack.unpackb(data, raw=False, strict_map_key=False, use_list=True)
    except msgpack.StackError:
        refuse("limits", "F-70", "msgpack is nested too deeply")
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        refuse("malformed", "F-02", f"not one msgpack value: {error!r}")
    for item in _every_value(value):
        _check_type(item)
    demand(_encode(value) == data, "malformed", "F-02", "msgpack is not canonical")
    return value


def _check_type(item: Any) -> None:
    kind = type(item)
    demand(
        kind in {str, bytes, list, dict} or (kind is int and item >= 0),
        "malformed",
        "F-02",
        f"msgpack has a value of a type outside the subset: {kind.__name__}",
    )
    if kind is str:
        size = len(item.encode())
        demand(size <= MAX_STR_SIZE, "malformed", "F-02", f"str of {size} bytes")


def _every_value(top: Any) -> Iterator[Any]:
    """Yield each value, keys of maps included; an explicit stack, so depth cannot hurt."""
    waiting = [(top, 1)]
    while waiting:
        value, depth = waiting.pop()
        yield value
        if not isinstance(value, (dict, list)):
            continue
        demand(depth <= MAX_NESTING, "limits", "F-70", "msgpack is nested too deeply")
        waiting.extend((item, depth + 1) for item in value)
        if isinstance(value, dict):
            demand(
                all(type(key) is str for key in value),
                "malformed",
                "F-02",
                "a key of a map is not str",
            )
            waiting.extend((item, depth + 1) for item in value.values())


def _encode(value: Any) -> bytes:
    """Encode again: maps in ascending order of the bytes of their keys, all else shortest."""
    return msgpack.packb(_in_order(value), use_bin_type=True)  # type: ignore[no-any-return]


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode())
        return {key: _in_order(value[key]) for key in keys}
    if isinstance(value, list):
        return [_in_order(item) for item in value]
    return value
