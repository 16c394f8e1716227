"""Offline page: an exported chat as a page that loads nothing from elsewhere and runs nothing.

Export tools have their pages load scripts and style sheets from servers of others: whoever serves them can read the
chats, and learns when they are looked at. What is taken out here is enough for that; the policy written into the page
has the browser refuse whatever was overlooked.

A browser may take for text what is a tag here, and the other way round: `<style>` is a tag like others in a drawing,
and text in a title. So what is written leaves no choice: every tag is written anew, and no other text has a `<`.
"""

import html
import re
from collections.abc import Callable
from html.parser import HTMLParser
from io import TextIOWrapper
from typing import BinaryIO, Final, NamedTuple

from wafs.errors import UserError
from wafs.units import KIB, MIB
from wafs.whatsapp.offline_css import loads
from wafs.whatsapp.page_style import STYLE

_PIECE: Final = 256 * 1024
_MAX_TAG: Final = 4 * MIB
"""Bytes of one tag or comment that are kept in memory."""

_MAX_LEFT: Final = 64 * KIB
"""Of a tag without an end at the end of a page, which is read once more for each `<` in it."""

_MAX_TITLE: Final = 1000

POLICY: Final = (
    "default-src 'none'; img-src 'self' file: data:; media-src 'self' file: data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
)
# The character set comes first: browsers look for it in the first 1024 bytes only.
HEAD: Final = (
    '<meta charset="utf-8">\n'
    f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
    '<meta name="referrer" content="no-referrer">\n'
    '<meta http-equiv="x-dns-prefetch-control" content="off">\n'
)
_STYLE: Final = f"<style>\n{STYLE}</style>\n"

_MAX_CSS: Final = MIB
_SPACE: Final = " \t\n\r\f\ufeff"
"""What may stand before the head of a page without ending it."""

_NAME: Final = re.compile(r"[a-z_:][a-z0-9_:.-]*")
_ANIMATIONS: Final = frozenset({"set", "animate", "animatemotion", "animatetransform"})
_VOID: Final = frozenset({"link", "embed", "frame"}) | _ANIMATIONS
_DROPPED: Final = frozenset({"script", "iframe", "object", "applet", "portal"}) | _VOID
_STYLES: Final = frozenset({"style", "fill", "stroke", "filter", "mask", "clip-path", "cursor"}) | frozenset(
    {"marker", "marker-start", "marker-mid", "marker-end"}
)
_ADDRESSES: Final = frozenset({"src", "data-src", "poster", "background", "href", "xlink:href"})
_DROPPED_NAMES: Final = frozenset(
    {"srcdoc", "srcset", "integrity", "nonce", "ping", "action", "formaction", "manifest"}
)
_LINKS: Final = frozenset({"a", "area"})
_HARMLESS_LINKS: Final = frozenset({"http", "https", "mailto", "tel"})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# The exporter writes names of files as they are; in an address these mean something else.
_QUOTED: Final = str.maketrans({letter: f"%{ord(letter):02X}" for letter in "%#?\\"})
# Browsers take these out of an address before they look at it.
_IGNORED: Final = re.compile(r"[\x00-\x20]+")

Attributes = list[tuple[str, str | None]]


class PageFacts(NamedTuple):
    """What a page says of itself, and how many messages it shows."""

    title: str
    messages: int


def make_offline(source: BinaryIO, target: BinaryIO, advance: Callable[[int], None] = lambda _size: None) -> PageFacts:
    """Write the page `source` to `target` so that it needs no network; return what is in it.

    Links that a person must click stay. Scripts go, with what they did: videos are loaded by the browser itself.
    `advance` is told how many bytes were read. Memory does not depend on the size of the page.
    Raises: UserError for what is not a page, OSError.
    """
    # Bytes that are not UTF-8 come out as they went in.
    writer = TextIOWrapper(target, encoding="utf-8", errors="surrogateescape", newline="", write_through=False)
    reader = TextIOWrapper(source, encoding="utf-8", errors="surrogateescape", newline="")
    page = _Page(writer.write)
    try:
        while piece := reader.read(_PIECE):
            page.feed(piece)
            advance(len(piece))
            if len(page.rawdata) > _MAX_TAG:
                msg = f"a page has a tag of more than {_MAX_TAG // MIB} MiB, or one without an end"
                raise UserError(msg)
        if len(page.rawdata) > _MAX_LEFT:
            msg = "a page ends within a tag or a comment"
            raise UserError(msg)
        page.close()
        writer.flush()
    finally:
        reader.detach()
        writer.detach()
    return PageFacts(page.title.strip(), page.messages)


class _Page(HTMLParser):
    """Writes what it is fed, tag by tag; text goes through untouched."""

    def __init__(self, write: Callable[[str], object]) -> None:
        super().__init__(convert_charrefs=False)
        self._write = write
        self._dropping: str | None = None
        self._headed = False
        self._styled = False
        self._base = ""
        self._in_title = False
        self._css: str | None = None
        self.title = ""
        self.messages = 0

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        """Write a tag without what loads or runs something."""
        self._start(tag, attrs)

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        """Write `<tag/>`, which in HTML is the same as `<tag>`, but not in a drawing."""
        self._start(tag, attrs, end="/")

    def _start(self, tag: str, attrs: Attributes, *, end: str = "") -> None:
        if self._dropping is not None or not _NAME.fullmatch(tag):
            return
        if tag not in ("html", "head"):
            self._write_head()
        if tag in _DROPPED:
            self._dropping = None if tag in _VOID else tag
            return
        if tag == "base":
            self._take_base(attrs)
        elif tag == "body":
            self._write_style()
        elif tag == "meta" and any(name == "http-equiv" or value == "referrer" for name, value in attrs):
            # It may send the browser elsewhere; and ours is the policy that counts.
            return
        elif tag == "div":
            self._count(attrs)
        self._in_title = tag == "title" and not self.title
        self._css = "" if tag == "style" else None
        self._write(_tag(tag, self._clean(tag, attrs), end))
        if tag == "head":
            self._write_head()

    def handle_endtag(self, tag: str) -> None:
        """Write an end tag, or end what is left out."""
        if self._dropping is not None:
            if tag == self._dropping:
                self._dropping = None
            return
        self._in_title = False
        # An end tag may begin the body, and a policy counts in the head only.
        self._write_head()
        if tag == "head":
            self._write_style()
        if self._css is not None and not loads(self._css) and len(self._css) < _MAX_CSS:
            self._write(self._css)
        self._css = None
        if tag not in _DROPPED and _NAME.fullmatch(tag):
            self._write(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        """Write text."""
        if self._css is not None:
            self._css += data.replace("<", "") if len(self._css) < _MAX_CSS else ""
            return
        if self._dropping is None:
            if data.strip(_SPACE):
                self._write_head()
            self._write(data.replace("<", "&lt;"))
        if self._in_title and len(self.title) < _MAX_TITLE:
            self.title += html.unescape(data)

    def handle_entityref(self, name: str) -> None:
        """Write `&name;`."""
        self.handle_data(f"&{name};")

    def handle_charref(self, name: str) -> None:
        """Write `&#number;`."""
        self.handle_data(f"&#{name};")

    def handle_decl(self, decl: str) -> None:
        """Write `<!DOCTYPE html>`."""
        if decl.lower().startswith("doctype"):
            self._write(f"<!{decl}>")

    def _write_head(self) -> None:
        if not self._headed:
            self._headed = True
            self._write(f"\n{HEAD}")

    def _write_style(self) -> None:
        # After the style of the page, as the tool's own would be.
        if not self._styled:
            self._styled = True
            self._write(_STYLE)

    def _take_base(self, attrs: Attributes) -> None:
        """Remember where relative addresses start from: they are written in full, as links within the page do not."""
        address = _IGNORED.sub("", dict(attrs).get("href") or "")
        if self._base or not address or not _is_local(address):
            return
        self._base = address[: address.rfind("/") + 1]

    def _count(self, attrs: Attributes) -> None:
        found = dict(attrs)
        if found.get("id") and "group" in (found.get("class") or "").split():
            self.messages += 1

    def _clean(self, tag: str, attrs: Attributes) -> Attributes:
        kept: Attributes = []
        for name, value in attrs:
            if name.startswith("on") or name in _DROPPED_NAMES or (tag == "base" and name == "href"):
                continue
            if not _NAME.fullmatch(name) or (name in _STYLES and loads(value or "")):
                continue
            if name not in _ADDRESSES:
                kept.append((name, value))
            elif (address := self._address(tag, name, value or "")) is not None:
                # A script would have put it there when the video comes into sight.
                kept.append(("src" if name == "data-src" else name, address))
        if tag == "video":
            kept = [(name, value) for name, value in kept if name not in ("preload", "autobuffer")]
            kept.append(("preload", "none"))
        return kept

    def _address(self, tag: str, name: str, value: str) -> str | None:
        """Return an address as it shall be; None if it leads out of the page's own folder without a click."""
        plain = _IGNORED.sub("", value)
        if _is_local(plain):
            return value if not plain or plain[0] in "#/" else (self._base + value).translate(_QUOTED)
        scheme = _SCHEME.match(plain)
        if tag in _LINKS and name == "href":
            return value if scheme is None or scheme[1].lower() in _HARMLESS_LINKS else None
        return value if plain.lower().startswith("data:image/") else None


def _is_local(address: str) -> bool:
    """Tell whether an address names no other machine; a backslash counts as a slash, as in browsers."""
    return _SCHEME.match(address) is None and not address.replace("\\", "/").startswith("//")


def _tag(tag: str, attrs: Attributes, end: str) -> str:
    words = [tag, *(name if value is None else f'{name}="{html.escape(value)}"' for name, value in attrs)]
    return f"<{' '.join(words)}{end}>"
