"""Reader and writer of the vectors stand on the page alone: on no code of wafs."""

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
STRANGERS = {"wafs", "cryptography"}


def _imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize(("folder", "others"), [("reader", "vectors"), ("vectors", "reader")])
def test_neither_imports_wafs_nor_the_other(folder: str, others: str) -> None:
    files = [path for path in (TESTS / folder).rglob("*.py") if not path.match("test_*.py")]
    assert len(files) > 5
    imports = {path.name: _imported(path) & {*STRANGERS, others} for path in files}
    assert {name: found for name, found in imports.items() if found} == {}
