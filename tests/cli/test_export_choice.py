"""A backup that a tool is to work on lies in the vault with all its parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wafs.cli.export_choice import choose_backup
from wafs.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", ["msgstore.db", "wa.db", "WhatsApp", "WhatsApp/Media"])
def test_what_leads_out_of_the_vault_is_refused(tmp_path: Path, name: str) -> None:
    top = tmp_path / "mnt"
    (top / "WhatsApp/Media").mkdir(parents=True)
    for file in ("msgstore.db", "wa.db"):
        (top / file).touch()
    assert choose_backup(str(top), "/", ios=False, business=False).media == "WhatsApp"
    (tmp_path / "elsewhere").mkdir()
    (top / name).rename(tmp_path / "elsewhere" / (top / name).name)
    (top / name).symlink_to(tmp_path / "elsewhere" / (top / name).name)
    with pytest.raises(UsageError, match="leads out of the vault"):
        choose_backup(str(top), "/", ios=False, business=False)
