"""Log police: a test that logs a warning of wafs which it did not announce fails.

A test announces what it provokes through the fixture `expect_log`:

    def test_damage_is_reported(expect_log: ExpectLog) -> None:
        expect_log("chunk 3 .* does not open")

An announced message that never comes fails the test as well.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


class ExpectLog(logging.Handler):
    """Collects warnings and worse; called with a pattern, it announces one kind of them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.records: list[logging.LogRecord] = []
        self.patterns: list[str] = []

    def __call__(self, pattern: str) -> None:
        """Announce that at least one message matches the regular expression `pattern`."""
        self.patterns.append(pattern)

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)

    def complaints(self) -> list[str]:
        """Say what was logged without being announced, and what was announced in vain."""
        messages = [record.getMessage() for record in self.records]
        surprises = [
            f"unannounced {record.levelname} of {record.name}: {message}"
            for record, message in zip(self.records, messages, strict=True)
            if not any(re.search(pattern, message) for pattern in self.patterns)
        ]
        missing = [
            f"announced but not logged: {pattern}"
            for pattern in self.patterns
            if not any(re.search(pattern, message) for message in messages)
        ]
        return surprises + missing


@pytest.fixture(autouse=True)
def expect_log() -> Iterator[ExpectLog]:
    """Watch the logger `wafs` during one test."""
    watch = ExpectLog()
    logger = logging.getLogger("wafs")
    logger.addHandler(watch)
    try:
        yield watch
    finally:
        logger.removeHandler(watch)
    if complaints := watch.complaints():
        pytest.fail("\n".join(complaints), pytrace=False)
