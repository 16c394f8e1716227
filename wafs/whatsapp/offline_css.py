"""Offline CSS: tells styles that load something from those that do not."""

import re
from typing import Final

_ESCAPE: Final = re.compile(r"\\(?:([0-9a-f]{1,6})\s?|(.))", re.IGNORECASE | re.DOTALL)
# `url(#name)` names what is in the page itself; the other functions take an address as a mere string.
_LOADS: Final = re.compile(
    r"url\((?!\s*[\"']?#)|@import|@font-face|image\(|image-set\(|src\(|expression\(|-moz-binding"
)


def loads(css: str) -> bool:
    """Tell whether a style sheet, or the style of a tag, can load something; in doubt it does."""
    return _LOADS.search(_ESCAPE.sub(_unescaped, css).lower()) is not None


def _unescaped(found: re.Match[str]) -> str:
    code, letter = found.groups()
    if code is None:
        return str(letter)
    return chr(int(code, 16)) if int(code, 16) < 0x110000 else "?"
