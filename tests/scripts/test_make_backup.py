"""The sample backup: the same for the same seed, awkward where real ones are, and exportable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from demo_job.tree import Listing, listing
from sample_backup import MARKER
from sample_backup.android import write_android
from sample_backup.ios import write_ios
from sample_backup.media import KINDS
from sample_backup.plan import Options, Plan, make_plan

EXPORTER = Path(sys.executable).parent / "wtsexporter"
SMALL = Options(messages=120, media_files=40, media_bytes=200_000)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return make_plan(SMALL)


@pytest.fixture(scope="module")
def android(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("android")
    write_android(plan, root)
    return root


def facts(root: Path) -> dict[str, tuple[int, int, bytes]]:
    found: Listing = listing(root)
    files = set(found.files)
    return {
        path: (info.st_mode, info.st_mtime_ns, (root / path).read_bytes() if path in files else b"")
        for path, info in found.entries.items()
    }


def test_the_same_seed_makes_the_same_bytes_times_and_modes(plan: Plan, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_android(plan, tmp_path / name)
        write_ios(plan, tmp_path / name / "ios-backup")
    assert facts(tmp_path / "one") == facts(tmp_path / "two")


def test_another_seed_makes_another_backup() -> None:
    other = Options(messages=120, media_files=40, media_bytes=200_000, seed=2)
    assert [m.text for m in make_plan(other).messages] != [m.text for m in make_plan(SMALL).messages]


def test_every_kind_of_media_is_there_and_the_sizes_add_up(plan: Plan) -> None:
    media = [message.media for message in plan.messages if message.media]
    assert {item.kind for item in media} == set(KINDS)
    assert len(media) == SMALL.media_files
    assert sum(item.size for item in media) == pytest.approx(SMALL.media_bytes, rel=0.1)
    assert max(Counter(item.path for item in media).values()) == 1


def test_names_are_as_awkward_as_real_ones(android: Path) -> None:
    names = [os.fsencode(path.rpartition("/")[2]) for path in listing(android).entries]
    assert max(map(len, names)) == 255
    assert any(name.endswith(b".") for name in names)
    assert any(b" " in name and max(name) > 127 for name in names)
    assert any(name == b".nomedia" for name in names)


def test_times_have_nanoseconds_and_modes_differ(android: Path) -> None:
    infos = [info for path, info in listing(android).entries.items() if path.endswith(".jpg")]
    assert any(info.st_mtime_ns % 1000 for info in infos)
    assert len({info.st_mtime_ns for info in infos}) == len(infos)
    files = listing(android)
    assert len({files.entries[path].st_mode for path in files.files}) > 1


def test_there_is_an_empty_file_with_a_name_of_its_own(android: Path) -> None:
    found = listing(android)
    empty = [path for path in found.files if found.entries[path].st_size == 0]
    assert any(not path.endswith(".nomedia") for path in empty)


def test_the_marker_is_in_messages_names_and_media(android: Path) -> None:
    marker = MARKER.encode()
    assert marker in (android / "msgstore.db").read_bytes()
    assert any(MARKER in path for path in listing(android).entries)
    pictures = [path.read_bytes() for path in android.rglob("*.jpg")]
    assert pictures
    assert all(picture[:3] == b"\xff\xd8\xff" and marker in picture for picture in pictures)


def exported(folder: Path, *options: object) -> list[dict[str, Any]]:
    """Run the exporter and return all messages."""
    command = [str(word) for word in (EXPORTER, *options, "--no-banner", "-j", "result.json")]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    chats = json.loads((folder / "result.json").read_text("utf-8"))
    return [message for chat in chats.values() for message in chat["messages"].values()]


def test_the_android_backup_can_be_exported(plan: Plan, tmp_path: Path) -> None:
    write_android(plan, tmp_path)
    messages = exported(tmp_path, "-a", "-d", "msgstore.db", "-w", "wa.db", "-m", tmp_path / "WhatsApp")
    calls = 4
    assert len(messages) == SMALL.messages + calls
    # The exporter itself drops the first media row it reads.
    assert sum(bool(message["media"]) for message in messages) == SMALL.media_files - 1
    assert not [message for message in messages if message["data"] == "The media is missing"]
    assert [message for message in messages if message["reply"]]
    assert [message for message in messages if message["reactions"]]


def test_the_ios_backup_can_be_exported(plan: Plan, tmp_path: Path) -> None:
    write_ios(plan, tmp_path / "backup")
    messages = exported(tmp_path, "-i", "-b", "backup")
    assert len(messages) == SMALL.messages
    assert sum(bool(message["media"]) for message in messages) == SMALL.media_files
    assert not [message for message in messages if message["data"] == "The media is missing"]


def test_a_folder_with_something_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    script = Path(__file__).parents[2] / "scripts" / "make_backup.py"
    command = [sys.executable, str(script), str(tmp_path)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 2
    assert "is not empty" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
