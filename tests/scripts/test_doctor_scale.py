"""The script that measures the doctor, on a backup that is not large."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import doctor_scale

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_it_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--messages", "50", "--media-files", "8", "--media-bytes", "20000", "--ios")
    monkeypatch.setattr(sys, "argv", ["doctor_scale.py", str(tmp_path), *sizes])
    assert doctor_scale.main() == 0
    shown = capsys.readouterr().out
    assert "android: 50 messages" in shown
    assert "ios: 50 messages" in shown
    assert list(tmp_path.iterdir()) == []
