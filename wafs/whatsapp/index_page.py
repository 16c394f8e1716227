"""Index page: the list of all chats of an export, to begin with."""

import html
import os
import urllib.parse
from collections.abc import Iterable
from typing import Final

from wafs.whatsapp.offline_page import HEAD, PageFacts

INDEX: Final = "index.html"
_TITLE_PREFIX: Final = "Whatsapp - "
_STYLE: Final = """<style>
body { font-family: system-ui, sans-serif; max-width: 700px; margin: auto; padding: 20px; background: #f0f2f5; }
ul { padding: 0; }
li { list-style: none; background: #fff; margin: 4px 0; padding: 8px 12px; border-radius: 8px; }
a { color: #075e54; text-decoration: none; }
span { color: #667781; float: right; }
</style>
"""


def index_page(pages: Iterable[tuple[str, PageFacts]]) -> bytes:
    """Return a page with a link to each of these, by file name, in the order of their titles.

    Sizes: some 200 bytes for each.
    """
    rows = sorted((_title(name, facts).casefold(), _row(name, facts)) for name, facts in pages)
    body = "\n".join(row for _, row in rows)
    head = f"<!DOCTYPE html>\n<html>\n<head>\n{HEAD}<title>Chats</title>\n{_STYLE}</head>"
    return f"{head}\n<body>\n<h1>Chats</h1>\n<ul>\n{body}\n</ul>\n</body>\n</html>\n".encode("utf-8", "surrogateescape")


def _title(name: str, facts: PageFacts) -> str:
    return facts.title.removeprefix(_TITLE_PREFIX) or os.path.splitext(name)[0]


def _row(name: str, facts: PageFacts) -> str:
    link = urllib.parse.quote(os.fsencode(name))
    count = f" <span>{facts.messages:,}</span>" if facts.messages else ""
    return f'<li><a href="{link}">{html.escape(_title(name, facts))}</a>{count}</li>'
