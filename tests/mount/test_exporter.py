"""whatsapp-chat-exporter gets from a mount what it gets from a plain folder, for Android and for iOS."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mount.programs import run
from sample_backup.android import write_android
from sample_backup.ios import write_ios
from sample_backup.plan import Options, make_plan

if TYPE_CHECKING:
    from mount.daemon import Daemon

pytestmark = pytest.mark.mount

EXPORTER = Path(sys.executable).parent / "wtsexporter"
OPTIONS = Options(messages=300, media_files=30, media_bytes=600_000, contacts=12)


def export_android(backup: Path, out: Path) -> Any:
    databases = ("-d", backup / "msgstore.db", "-w", backup / "wa.db")
    return export(out, backup, "--android", *databases, "-m", backup / "WhatsApp")


def export_ios(backup: Path, out: Path) -> Any:
    """An iOS backup is unpacked by the exporter into the folder it is started in."""
    return export(out, backup, "--ios", "-b", backup)


def export(out: Path, backup: Path, *words: str | Path) -> Any:
    """Run the exporter; return its JSON without the paths of the places that it ran in."""
    if not EXPORTER.exists():
        pytest.skip("whatsapp-chat-exporter is not installed")
    out.mkdir()
    run(EXPORTER, "--no-banner", *words, "-o", out / "html", "-j", out / "result.json", cwd=out)
    text = (out / "result.json").read_text()
    assert list((out / "html").glob("*.html"))
    return json.loads(text.replace(str(backup), "BACKUP").replace(str(out), "OUT"))


def test_android(daemon: Daemon, tmp_path: Path) -> None:
    plain, mounted = tmp_path / "plain", daemon.place / "backup"
    plain.mkdir()
    write_android(make_plan(OPTIONS), plain)
    shutil.copytree(plain, mounted, symlinks=True)

    expected = export_android(plain, tmp_path / "from plain")
    found = export_android(mounted, tmp_path / "from mount")

    assert found == expected
    assert sum(len(chat["messages"]) for chat in found.values()) > 200


def test_ios(daemon: Daemon, tmp_path: Path) -> None:
    plain, mounted = tmp_path / "plain", daemon.place / "backup"
    write_ios(make_plan(OPTIONS), plain)
    shutil.copytree(plain, mounted, symlinks=True)

    expected = export_ios(plain, tmp_path / "from plain")
    found = export_ios(mounted, tmp_path / "from mount")
    inside = export_ios(mounted, daemon.place / "exported")

    assert found == expected
    assert inside == expected
    assert sum(len(chat["messages"]) for chat in found.values()) > 200
