"""Globs mean what people expect of them."""

from __future__ import annotations

import fnmatch
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wafs.cli.globs import Glob

NAMES = st.text("ab.-[]!^*? \n", min_size=1, max_size=6)
PATTERNS = st.text("ab.-[]!^*?", min_size=1, max_size=7)


@pytest.mark.parametrize(
    ("pattern", "fitting", "others"),
    [
        ("*.jpg", ["a.jpg", "x/y/a.jpg", "x.jpg/below"], ["a.jpeg", "jpg"]),
        ("Sent", ["Sent", "x/Sent/a", "Sent/a"], ["Sent2", "x/Sentry"]),
        ("x/*.jpg", ["x/a.jpg", "x/a.jpg/b"], ["y/x/a.jpg", "x/y/a.jpg"]),
        ("/a", ["a", "a/b"], ["b/a"]),
        ("x/", ["x/a", "y/x"], ["xy"]),
        ("x/**/a", ["x/a", "x/y/a", "x/y/z/a", "x/a/below"], ["a", "y/x/a", "x/ya"]),
        ("**/a", ["a", "x/a", "x/y/a"], ["x/ba"]),
        ("x/**", ["x/a", "x/y/a"], ["x", "y"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("[a-c][!x]", ["ay", "cc"], ["ax", "dy", "a"]),
        ("[z-a]", [], ["a", "z", "m"]),
        ("[", ["["], ["a"]),
        ("a[/]b", ["a[/]b"], ["a/b"]),
        ("\xe4*", ["\xe4", "\xe4\xe4"], ["a"]),
    ],
)
def test_globs(pattern: str, fitting: list[str], others: list[str]) -> None:
    glob = Glob(pattern.encode())
    assert [path for path in fitting if not glob.fits(path.encode())] == []
    assert [path for path in others if glob.fits(path.encode())] == []


@given(st.text("ab.-!*?", min_size=1, max_size=7).filter(lambda pattern: "**" not in pattern), NAMES)
def test_without_a_slash_a_glob_is_as_in_a_shell(pattern: str, name: str) -> None:
    expected = re.fullmatch(fnmatch.translate(pattern), name) is not None
    assert Glob(pattern.encode()).fits(name.encode()) is expected


@given(st.binary(max_size=12), st.binary(max_size=12))
def test_any_bytes_are_a_glob(pattern: bytes, path: bytes) -> None:
    assert Glob(pattern).fits(path) in (True, False)
    assert Glob(b"**").fits(path) or b"\n" in path


@given(PATTERNS, NAMES, NAMES)
def test_what_fits_a_folder_fits_all_below_it(pattern: str, folder: str, name: str) -> None:
    glob = Glob(f"top/{pattern}".encode())
    if glob.fits(f"top/{folder}".encode()):
        assert glob.fits(f"top/{folder}/{name}".encode())
