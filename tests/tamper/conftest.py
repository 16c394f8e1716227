"""Fixtures: the specimen, made once, and a copy for each test that breaks it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from tamper.specimen import Specimen, make_specimen

if TYPE_CHECKING:
    from pathlib import Path

    from log_police import ExpectLog


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Specimen:
    return make_specimen(tmp_path_factory.mktemp("specimen") / "vault")


@pytest.fixture
def specimen(pristine: Specimen, tmp_path: Path) -> Specimen:
    return pristine.copy(tmp_path / "vault")


@pytest.fixture
def reports(expect_log: ExpectLog) -> ExpectLog:
    """The log, with any report allowed; `check` wants one wherever something is missing."""
    expect_log("")
    logging.getLogger("wafs").warning("tampering begins")
    return expect_log
