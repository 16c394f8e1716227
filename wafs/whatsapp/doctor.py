"""Doctor: examines all WhatsApp backups in a vault, or in a folder of it, and says what is well and what is not.

Nothing is written, and nothing is decrypted to a disk. What is found is in `report` at any time, also if the work is
stopped before its end.
"""

from collections.abc import Sequence

from wafs.fs.vfs import Vfs
from wafs.whatsapp.backup_exam import BackupExam
from wafs.whatsapp.crypt_files import keys_lying_about
from wafs.whatsapp.doctor_findings import Finding, Kind, count_of, sentence
from wafs.whatsapp.doctor_report import BackupReport, Report
from wafs.whatsapp.doctor_watch import Watch
from wafs.whatsapp.duplicates import candidates, find_duplicates, work_of
from wafs.whatsapp.inventory import VaultFile, take_inventory
from wafs.whatsapp.layout import BackupKind
from wafs.whatsapp.media_matching import Elsewhere
from wafs.whatsapp.months import Month, month_at, month_in_name
from wafs.whatsapp.places import Place, find_places
from wafs.whatsapp.source import Candidate
from wafs.whatsapp.surroundings import Surroundings

_NAMES_IN_FINDING = 5


class Doctor:
    """Examines what is at or below `path`.

    Thread: that of the command.
    """

    def __init__(self, vfs: Vfs, path: bytes, watch: Watch) -> None:
        self._vfs = vfs
        self._path = path
        self._watch = watch
        self._inventory: list[VaultFile] = []
        self.report = Report()

    def run(self, keys: Sequence[Candidate] = ()) -> None:
        """Examine everything; `keys` are those that the vault keeps, besides key files that lie in it.

        Raises: as `found`, if there is nothing at the path; what the watch raises.
        """
        report = self.report
        self._inventory = take_inventory(self._vfs, self._path, self._unreadable, self._watch)
        report.files = len(self._inventory)
        report.size = sum(file.size for file in self._inventory)
        places = find_places(self._inventory)
        if not places:
            report.findings.append(Finding(Kind.NOTHING_FOUND, "no WhatsApp backup was found here", self._path))
            report.complete = True
            return
        by_path = {file.path: number for number, file in enumerate(self._inventory)}
        keys = [*keys, *keys_lying_about(self._vfs, self._inventory)]
        around = Surroundings(self._vfs, self._inventory, by_path, keys, self._watch, {})
        exams = [BackupExam(place, around) for place in places]
        same_size = candidates(self._inventory)
        self._watch.expect(sum(exam.work() for exam in exams) + work_of(same_size))
        elsewhere = Elsewhere(places)
        for exam in exams:
            report.backups.append(exam.report)
            exam.run(elsewhere)
        self._count_media(exams)
        self._find_duplicates(same_size)
        report.complete = True

    def _count_media(self, exams: Sequence[BackupExam]) -> None:
        """Count the media by month, and those that no message in the vault names."""
        named: dict[int, Month | None] = {}
        for exam in exams:
            for database in exam.report.databases:
                if database.matched is not None:
                    for number, month in database.matched.named.items():
                        named.setdefault(self._inventory[number].inode, month)
        for exam in exams:
            self._watch.check()
            self._count_media_of(exam.place, exam.report, named)

    def _count_media_of(self, place: Place, report: BackupReport, named: dict[int, Month | None]) -> None:
        unnamed: list[VaultFile] = []
        seen: set[int] = set()
        for number in _media_of(place, report, self._inventory):
            file = self._inventory[number]
            if file.inode in seen:
                continue
            seen.add(file.inode)
            report.media_files += 1
            report.media_bytes += file.size
            month = named.get(file.inode) or month_in_name(file.path) or month_at(file.mtime_ns / 1e9)
            if month is not None:
                report.media_by_month[month] += file.size
            if file.inode not in named:
                unnamed.append(file)
        if not any(database.names_media and database.matched is not None for database in report.databases):
            return
        size = sum(file.size for file in unnamed)
        report.unnamed = len(unnamed), size
        if unnamed:
            message = f"{count_of(len(unnamed), 'media file is', 'media files are')} named by no message in the vault"
            first = tuple(file.path for file in unnamed[:_NAMES_IN_FINDING])
            found = Finding(Kind.MEDIA_UNNAMED, message, place.folder, count=len(unnamed), size=size, first=first)
            report.findings.append(found)

    def _find_duplicates(self, same_size: list[list[VaultFile]]) -> None:
        found = find_duplicates(self._vfs, same_size, self._watch)
        self.report.duplicates = found
        for path, reason in found.unreadable:
            self._add_unreadable(path, reason)
        if found.copies:
            message = f"{count_of(found.copies, 'file is a copy', 'files are copies')} of another one"
            first = tuple(paths[1] for _, paths in found.groups[:_NAMES_IN_FINDING])
            self.report.findings.append(
                Finding(Kind.DUPLICATES, message, self._path, count=found.copies, size=found.size, first=first)
            )

    def _unreadable(self, path: bytes, error: Exception) -> None:
        self._add_unreadable(path, str(error))

    def _add_unreadable(self, path: bytes, reason: str) -> None:
        self.report.findings.append(Finding(Kind.UNREADABLE, f"this cannot be read: {sentence(reason)}", path))


def _media_of(place: Place, report: BackupReport, inventory: Sequence[VaultFile]) -> list[int]:
    """Return the numbers of the media of a backup."""
    if place.kind is BackupKind.ANDROID:
        return [number for _, number in place.media(inventory)]
    named = [number for database in report.databases if database.matched for number in database.matched.named]
    if report.manifest is None or place.domain is None:
        return named
    return list(dict.fromkeys([*named, *report.manifest.media.get(place.domain.encode(), [])]))
