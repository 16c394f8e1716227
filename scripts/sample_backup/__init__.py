"""Sample backup: a made-up WhatsApp backup, the same bytes for the same seed on every machine.

No real data: names, numbers and texts are invented; media have the right magic number and noise.
"""

from typing import Final

MARKER: Final = "blue-heron-4711"
"""Stands in messages, names and media: a search for it finds any plaintext left lying about."""
