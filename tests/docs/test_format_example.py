"""The worked example of docs/format.md, opened by the independent reader and by what the page itself says."""

import re
from pathlib import Path

from reader.file import open_file
from reader.keys import VaultKeys
from reader.name import open_name

PAGE = (Path(__file__).parents[2] / "docs" / "format.md").read_text()
SECTION = PAGE.split("<!-- example -->\n")[1].split("<!-- end of example -->")[0]


def _quoted(before: str) -> str:
    found = re.search(re.escape(before) + r" `([^`]+)`", SECTION)
    assert found is not None, before
    return found[1]


def _keys() -> VaultKeys:
    return VaultKeys(bytes.fromhex(_quoted("Master key")), bytes.fromhex(_quoted("vault id")))


def test_the_file_of_the_example_opens() -> None:
    data = bytes.fromhex("".join(re.findall(r"^ +\d+  ([0-9a-f]+)", SECTION, re.MULTILINE)))
    assert len(data) == 289
    assert open_file(data, _keys(), 16384) == b"hello"


def test_the_name_of_the_example_opens() -> None:
    entry = _quoted("the entry `chat.txt` in the root:").encode()
    assert open_name(entry, None, bytes(16), _keys()) == b"chat.txt"


def test_the_subkeys_of_the_example_are_right() -> None:
    assert _keys().subkey("file keys", 32).hex() == _quoted("subkey `file keys` =")
    assert _keys().subkey("directory ids", 32).hex() == _quoted("subkey `directory ids` =")
