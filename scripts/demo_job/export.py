"""Export: whatsapp-chat-exporter on the vault's side and on the plain side, and the comparison."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from markupsafe import escape

from demo_job.tree import Changes
from demo_job.vault import run

EXPORTER = Path(sys.executable).parent / "wtsexporter"
DATABASES = ("msgstore.db", "wa.db")
SIDE_FILES = ("", "-wal", "-shm", "-journal")
# The exporter keeps what it unpacks from the databases in these folders of the media folder.
WRITTEN = ("thumbnails", "vCards")
ROOT_WORD = "<BACKUP>"


def has_messages(backup: Path) -> bool:
    """Tell whether there is something for the exporter in this folder."""
    return (backup / "msgstore.db").is_file()


def media_folder(backup: Path) -> Path:
    """Return the folder that the paths in the database start from."""
    for name in ("WhatsApp", "WhatsApp Business", "."):
        if (backup / name / "Media").is_dir():
            return backup / name
    return backup / "WhatsApp"


def export(backup: Path, out: Path) -> Path:
    """Run the exporter on a backup, plain or mounted; return the JSON file it wrote.

    All paths are absolute: then the exporter leaves the media where they are and links to them.
    """
    out.mkdir(parents=True)
    result = out / "result.json"
    run(
        EXPORTER,
        *("--android", "--no-banner"),
        *("-d", backup / "msgstore.db"),
        *("-w", backup / "wa.db"),
        *("-m", media_folder(backup)),
        *("-o", out / "html"),
        *("-j", result),
        cwd=out,
    )
    return result


def stand_in(backup: Path, folder: Path) -> None:
    """Make a folder the exporter can write in that shows it the plain backup.

    The databases and what an earlier export left are copies, all the rest are links: so the media
    come from the backup itself, and the backup stays as it is.
    """
    media = media_folder(backup)
    written = {media / name for name in WRITTEN}
    databases = {backup / f"{name}{side}" for name in DATABASES for side in SIDE_FILES}
    _mirror(backup, folder, {media, *written, *databases})
    if media != backup:
        target = folder / media.relative_to(backup)
        if media.is_dir():
            _mirror(media, target, written)
        else:
            target.mkdir()


def _mirror(source: Path, target: Path, own: set[Path]) -> None:
    target.mkdir()
    for entry in source.iterdir():
        place = target / entry.name
        if entry not in own:
            place.symlink_to(entry, target_is_directory=entry.is_dir())
        elif entry.is_file():
            shutil.copy2(entry, place)
        elif entry.name in WRITTEN:
            shutil.copytree(entry, place)


def changes_made(backup: Path, shown: Path) -> Changes:
    """Say what the exporter changed in a folder made by `stand_in`.

    On the vault's side it has to have changed the same things in the same way.
    """
    media = media_folder(shown)
    folders = [shown, media, *(media / name for name in WRITTEN if (media / name).is_dir())]
    changes = Changes(folders={_relative(folder, shown) for folder in folders})
    for folder in dict.fromkeys(folders):
        for entry in folder.iterdir():
            path = _relative(entry, shown)
            if entry.is_symlink() or entry.is_dir():
                continue
            before = backup / path
            if not before.is_file() or before.read_bytes() != entry.read_bytes():
                changes.files[path] = entry
    for name in DATABASES:
        for side in SIDE_FILES:
            path = f"{name}{side}"
            if (backup / path).exists() and not (shown / path).exists():
                changes.removed.add(path)
    return changes


def _relative(path: Path, root: Path) -> str:
    relative = str(path.relative_to(root))
    return "" if relative == "." else relative


def compare(plain: Path, plain_root: Path, vault: Path, vault_root: Path) -> list[str]:
    """Compare two exports; only the path of the backup itself may differ between them."""
    left = _normalised(plain, plain_root)
    right = _normalised(vault, vault_root)
    if left == right:
        return []
    chats = [chat for chat in {*left, *right} if left.get(chat) != right.get(chat)]
    return [f"the export of chat {chat} differs" for chat in sorted(chats)]


def count(result: Path) -> tuple[int, int]:
    """Return how many chats and messages an export holds."""
    chats = json.loads(result.read_text("utf-8")).values()
    return len(chats), sum(len(chat["messages"]) for chat in chats)


def _normalised(result: Path, root: Path) -> dict[str, Any]:
    """Read an export with the path of its backup replaced by one word.

    The path stands there plainly, and escaped where it is part of a link to a contact card.
    """
    words = {str(root), str(escape(str(root)))}

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for word in words:
                value = value.replace(f"{word}/", f"{ROOT_WORD}/")
            return value
        if isinstance(value, dict):
            return {key: clean(item) for key, item in value.items()}
        return [clean(item) for item in value] if isinstance(value, list) else value

    cleaned = clean(json.loads(result.read_text("utf-8")))
    assert isinstance(cleaned, dict)
    return cleaned
