"""Exporter: whatsapp-chat-exporter, which makes pages, JSON or text of a backup: where it is, and what it is told."""

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from wafs.errors import NotFoundError
from wafs.whatsapp.exportable import Exportable, Phone

PAGES: Final = "html"
JSON: Final = "json"
TEXT: Final = "txt"
FORMATS: Final = (PAGES, JSON, TEXT)

JSON_FILE: Final = "result.json"
TEXT_FOLDER: Final = "text"
MEDIA: Final = "Media"

_COMMAND: Final = "wtsexporter"
_DEFAULT_MEDIA: Final = "WhatsApp"
# What the exporter unpacks beside its results, and works on.
_IOS_FOLDERS: Final = (
    "AppDomainGroup-group.net.whatsapp.WhatsApp.shared",
    "AppDomainGroup-group.net.whatsapp.WhatsAppSMB.shared",
)
_FILE_ID_LENGTH: Final = 40
_HEX: Final = frozenset("0123456789abcdef")


def find_exporter() -> str:
    """Return the path of the exporter: beside this Python, or else on the PATH.

    Raises: NotFoundError.
    """
    beside = os.path.dirname(sys.executable)
    found = shutil.which(_COMMAND, path=beside) or shutil.which(_COMMAND)
    if found is None:
        msg = "whatsapp-chat-exporter is not installed"
        raise NotFoundError(msg, hint="install it with: pip install 'wafs[export]'")
    return os.path.abspath(found)


@dataclass(frozen=True, slots=True)
class Export:
    """One run of the exporter in a folder of its own below the mountpoint; what is in it afterwards is the result."""

    mountpoint: str
    folder: str
    backup: Exportable
    formats: frozenset[str]

    @property
    def media(self) -> str | None:
        """Return the folder that the media are in, relative to the mountpoint; None if they come with the result."""
        media = self.backup.media
        return None if media is None else os.path.join(media, MEDIA)

    @property
    def media_name(self) -> str:
        """Return the folder in the result that the paths in the message database start from."""
        media = self.backup.media or ""
        return os.path.basename(media) or _DEFAULT_MEDIA

    def prepare(self) -> None:
        """Make the folder, with a link to the media: so the exporter finds them where the result shall have them.

        Raises: OSError.
        """
        os.mkdir(self.folder, 0o700)
        if self.backup.phone is not Phone.ANDROID:
            return
        os.mkdir(os.path.join(self.folder, self.media_name), 0o700)
        self.link_media(self.folder)

    def link_media(self, folder: str) -> None:
        """Link the result in a folder of the mount to the media.

        Raises: OSError.
        """
        if self.media is not None:
            own = os.path.join(folder, self.media_name)
            os.symlink(os.path.relpath(os.path.join(self.mountpoint, self.media), own), os.path.join(own, MEDIA))

    def command(self, exporter: str, options: Sequence[str]) -> list[str]:
        """Return the command line, to be run in the folder."""
        words = [exporter, "--no-banner", *self._of_phone(), "-o", "."]
        if PAGES not in self.formats:
            words.append("--no-html")
        if JSON in self.formats:
            words += ["-j", JSON_FILE]
        if TEXT in self.formats:
            words += ["--txt", TEXT_FOLDER]
        return [*words, *options]

    def tidy(self) -> None:
        """Remove what the exporter only worked with: databases that it unpacked.

        Raises: OSError.
        """
        for name in os.listdir(self.folder):
            if len(name) == _FILE_ID_LENGTH and _HEX.issuperset(name):
                os.unlink(os.path.join(self.folder, name))
        for name in _IOS_FOLDERS:
            folder = os.path.join(self.folder, name)
            if os.path.isdir(folder):
                for file in os.listdir(folder):
                    if ".sqlite" in file and not os.path.isdir(path := os.path.join(folder, file)):
                        os.unlink(path)

    def _of_phone(self) -> list[str]:
        if self.backup.phone is Phone.IOS:
            return ["--ios", "-b", self._at(self.backup.database), *(["--business"] if self.backup.business else [])]
        contacts = ["-w", self._at(self.backup.contacts)] if self.backup.contacts is not None else []
        return ["--android", "-d", self._at(self.backup.database), *contacts, "-m", self.media_name]

    def _at(self, path: str) -> str:
        return os.path.join(self.mountpoint, path)
