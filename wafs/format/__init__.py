"""Format: bytes to values and back. Pure: no I/O, clock, threads or randomness.

The page that decides is docs/format.md; F-nn in this package are its rules.
"""

from typing import Final

FORMAT_VERSION: Final = 1
