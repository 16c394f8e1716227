"""Exports: whatsapp-chat-exporter from start to end on a backup that lies in the system."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark.commands import run
from benchmark.failure import BenchError
from demo_job.export import EXPORTER, count, media_folder
from sample_backup.android import write_android
from sample_backup.plan import Options, make_plan

if TYPE_CHECKING:
    from pathlib import Path

    from benchmark.place import Place
    from benchmark.scale import Scale

MEDIA_SIZE = 65536


def run_job(place: Place, scale: Scale) -> None:
    """Measure the row of the job `export`; databases, media and what is written all lie in the system."""
    source = _prepared(place.assets, scale)
    backup, out = place.root / "backup", place.root / "out"
    run(["cp", "-a", source, backup])
    out.mkdir()
    place.cold()
    databases: list[str | Path] = ["-d", backup / "msgstore.db", "-w", backup / "wa.db", "-m", media_folder(backup)]
    results: list[str | Path] = ["-o", out / "html", "-j", out / "result.json"]
    with place.timed("export", count=1):
        run([EXPORTER, "--android", "--no-banner", *databases, *results], cwd=out)
    chats, messages = count(out / "result.json")
    if not chats or messages < scale.messages // 2:
        msg = f"{place.system.name}: the exporter found {messages} messages, want about {scale.messages}"
        raise BenchError(msg)


def check_exporter() -> None:
    """Do nothing if the exporter is there.

    Raises:
        BenchError: it is not installed.
    """
    if not EXPORTER.exists():
        msg = "there is no whatsapp-chat-exporter: install wafs with its extra, demo"
        raise BenchError(msg)


def _prepared(assets: Path, scale: Scale) -> Path:
    folder = assets / "backup"
    if not folder.exists():
        unfinished = assets / "backup.unfinished"
        media_bytes = scale.media_files * MEDIA_SIZE
        plan = make_plan(Options(messages=scale.messages, media_files=scale.media_files, media_bytes=media_bytes))
        write_android(plan, unfinished)
        unfinished.rename(folder)
    return folder
