"""Manifest exam: tells whether an iOS backup has all that its list of files names."""

import plistlib
from typing import Final

from wafs.errors import WafsError
from wafs.units import MIB
from wafs.whatsapp.database_exam import Files, files_of, opened_database, work_of
from wafs.whatsapp.doctor_findings import Finding, Kind, count_of, sentence
from wafs.whatsapp.doctor_watch import Share
from wafs.whatsapp.errors import DatabaseError
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.manifest import Differing, ManifestFacts, compare
from wafs.whatsapp.places import Place
from wafs.whatsapp.plain_source import PlainSource
from wafs.whatsapp.surroundings import Surroundings

_NAMES_IN_FINDING: Final = 5
_SQLITE: Final = b"SQLite format 3\0"
_PLIST_MOST: Final = MIB


class ManifestExam:
    """Examines the manifest of one backup; what is found goes to `findings`.

    Thread: that of the command.
    """

    def __init__(self, place: Place, manifest: int, around: Surroundings) -> None:
        self._place = place
        self._around = around
        self._file = around.inventory[manifest]
        self.findings: list[Finding] = []

    def work(self) -> int:
        """Return how many bytes are read at most."""
        return work_of(self._files())

    def run(self) -> ManifestFacts | None:
        """Compare; None if the manifest cannot be read.

        Raises: what the watch raises; everything else becomes a finding.
        """
        around = self._around
        share = Share(around.watch, self.work())
        around.watch.looking_at(self._file.path)
        try:
            if self._is_encrypted():
                message = "this iOS backup was encrypted by the computer that made it"
                self._add(Kind.MANIFEST_ENCRYPTED, message, self._place.folder)
                return None
            with opened_database(around.vfs, self._files(), around.watch, share) as db:
                problems = db.problems()
                if problems:
                    message = "the list of files, Manifest.db, is damaged"
                    self._add(Kind.MANIFEST_DAMAGED, message, self._file.path, details=tuple(problems))
                facts = compare(db, self._place.files, around.inventory)
            self._tell(facts)
        except DatabaseError as error:
            message = f"the list of files, Manifest.db, is damaged: {sentence(str(error))}"
            self._add(Kind.MANIFEST_DAMAGED, message, self._file.path)
        except (WafsError, OSError) as error:
            message = f"the list of files, Manifest.db, cannot be read: {sentence(str(error))}"
            self._add(Kind.MANIFEST_UNREADABLE, message, self._file.path)
        else:
            return facts
        finally:
            share.finish()
        return None

    def _files(self) -> Files:
        def beside(suffix: bytes) -> VaultFile | None:
            number = self._around.by_path.get(self._file.path + suffix)
            return None if number is None else self._around.inventory[number]

        return files_of(self._file, beside)

    def _tell(self, facts: ManifestFacts) -> None:
        missing, others, wrong = facts.missing, facts.missing_of_others, facts.wrong_size
        for kind, differing, message in (
            (Kind.MANIFEST_MISSING_FILES, missing, f"{_files(missing.count)} of WhatsApp that the manifest names"),
            (Kind.MANIFEST_OTHER_APPS, others, f"{_files(others.count)} of other apps that the manifest names"),
        ):
            if differing.count:
                words = f"{message} {'is' if differing.count == 1 else 'are'} not in the vault"
                self._differing(kind, words, differing)
        if wrong.count:
            verb = "has" if wrong.count == 1 else "have"
            message = f"{_files(wrong.count)} {verb} another size than the manifest says"
            self._differing(Kind.MANIFEST_WRONG_SIZES, message, wrong)
        if not (missing.count or wrong.count):
            here = facts.files - others.count
            message = f"all {_files(here)} that the manifest names are here, with their sizes"
            if others.count:
                message = (
                    f"all {_files(facts.app_files)} of WhatsApp that the manifest names are here, with their sizes"
                )
            self._add(Kind.MANIFEST_COMPLETE, message, self._place.folder, count=here)

    def _differing(self, kind: Kind, message: str, differing: Differing) -> None:
        first = tuple(differing.first[:_NAMES_IN_FINDING])
        self.findings.append(
            Finding(kind, message, self._place.folder, count=differing.count, size=differing.size, first=first)
        )

    def _is_encrypted(self) -> bool:
        """Tell whether Finder or iTunes encrypted the backup: then Manifest.db is no database."""
        vfs = self._around.vfs
        with PlainSource(vfs, self._file.path) as source:
            if source.read(0, len(_SQLITE)) == _SQLITE:
                return False
        about = self._around.by_path.get(self._place.folder + b"/Manifest.plist")
        if about is None:
            return False
        with PlainSource(vfs, self._around.inventory[about].path) as source:
            try:
                facts = plistlib.loads(source.read(0, _PLIST_MOST))
                return facts["IsEncrypted"] is True
            except Exception:  # noqa: BLE001  what is no property list makes plistlib and the look-up fail in any way
                return False

    def _add(
        self, kind: Kind, message: str, path: bytes, *, count: int | None = None, details: tuple[str, ...] = ()
    ) -> None:
        self.findings.append(Finding(kind, message, path, count=count, details=details))


def _files(count: int) -> str:
    return count_of(count, "file", "files")
