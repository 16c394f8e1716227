"""Failure: the one exception that the benchmark shows to its user."""

from __future__ import annotations


class BenchError(Exception):
    """The benchmark cannot go on; the text says what is missing and what to do."""
