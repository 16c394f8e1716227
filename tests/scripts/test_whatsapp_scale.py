"""The script that takes a large backup through everything, on one that is not large."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

import whatsapp_scale

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.mount
@pytest.mark.slow
def test_it_measures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    sizes = ("--messages", "50", "--media-files", "8", "--media-bytes", "20000", "--ios")
    monkeypatch.setattr(sys, "argv", ["whatsapp_scale.py", str(tmp_path), *sizes])
    assert whatsapp_scale.main() == 0
    shown = capsys.readouterr().out
    assert "android: 50 messages" in shown
    assert "ios: 50 messages" in shown
    assert "restore  " in shown
    assert "check  " in shown
    assert list(tmp_path.iterdir()) == []
