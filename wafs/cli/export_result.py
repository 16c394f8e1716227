"""Export result: what the exporter made, turned into what a person can look at."""

import os
from typing import Final, NamedTuple

from wafs.cli.exporter import JSON, JSON_FILE, PAGES, TEXT_FOLDER, Export
from wafs.cli.progress import Progress
from wafs.units import MIB
from wafs.whatsapp.index_page import INDEX, index_page
from wafs.whatsapp.offline_page import PageFacts, make_offline

_PAGE: Final = ".html"
_UNFINISHED: Final = ".wafs-page"
# A quote within a string is written with a backslash, so these are keys.
_JSON_MESSAGE: Final = b'"key_id": '
_JSON_CHAT: Final = b'"messages": {"'
# A message of several lines has spaces at the beginning of all but the first.
_TEXT_MESSAGE: Final = b"\n["


class ResultFacts(NamedTuple):
    """How many chats and messages there are, and the file to begin with, by its name in the result."""

    chats: int
    messages: int
    first: str


def finish_result(export: Export, *, keep_remote: bool) -> ResultFacts:
    """Remove what only the exporter needed, make the pages offline unless `keep_remote`, and count.

    Raises: UserError for a page that is none, OSError.
    """
    export.tidy()
    if PAGES in export.formats:
        return _finish_pages(export.folder, keep_remote=keep_remote)
    if JSON in export.formats:
        place = os.path.join(export.folder, JSON_FILE)
        return ResultFacts(_count(place, _JSON_CHAT), _count(place, _JSON_MESSAGE), JSON_FILE)
    folder = os.path.join(export.folder, TEXT_FOLDER)
    names = sorted(os.listdir(folder))
    return ResultFacts(
        len(names), sum(_count(os.path.join(folder, name), _TEXT_MESSAGE) for name in names), TEXT_FOLDER
    )


def _finish_pages(folder: str, *, keep_remote: bool) -> ResultFacts:
    names = sorted(name for name in os.listdir(folder) if name.endswith(_PAGE))
    found: list[tuple[str, PageFacts]] = []
    with Progress("page") as progress:
        progress.expect(sum(os.path.getsize(os.path.join(folder, name)) for name in names))
        for name in names:
            progress.begin(name)
            found.append((name, _finish_page(os.path.join(folder, name), progress, keep_remote=keep_remote)))
    if INDEX not in names:
        with open(os.path.join(folder, INDEX), "xb") as file:
            file.write(index_page(found))
    return ResultFacts(len(names), sum(facts.messages for _, facts in found), INDEX)


def _finish_page(place: str, progress: Progress, *, keep_remote: bool) -> PageFacts:
    with open(place, "rb") as source, open(place + _UNFINISHED, "xb") as target:
        facts = make_offline(source, target, progress.advance)
    if keep_remote:
        os.unlink(place + _UNFINISHED)
    else:
        os.rename(place + _UNFINISHED, place)
    return facts


def _count(place: str, needle: bytes) -> int:
    """Return how often some bytes are in a file; one at its beginning counts as if a line end stood before it."""
    found, tail = 0, b"\n"
    with open(place, "rb") as file:
        while piece := file.read(MIB):
            found += (tail + piece).count(needle)
            # Too short to be found twice.
            tail = (tail + piece)[1 - len(needle) :]
    return found
