"""Backup exam: examines one backup of a vault, with its databases, media, its encrypted files and its list of files."""

import functools
from typing import Final

from wafs.errors import WafsError
from wafs.whatsapp.contacts import CONTACTS
from wafs.whatsapp.crypt_files import CryptFacts, CryptState, examine_crypt
from wafs.whatsapp.database_exam import DatabaseExam, Files, files_of, work_of
from wafs.whatsapp.doctor_findings import Finding, Kind, count_of, sentence
from wafs.whatsapp.doctor_report import BackupReport, CryptReport, DatabaseReport
from wafs.whatsapp.doctor_watch import Share
from wafs.whatsapp.inventory import VaultFile
from wafs.whatsapp.layout import BackupKind
from wafs.whatsapp.manifest_exam import ManifestExam
from wafs.whatsapp.media_matching import Elsewhere, Lacking, finder_of
from wafs.whatsapp.places import IOS_CHATS, Place, ios_file_id, ios_place_of
from wafs.whatsapp.plain_source import PlainSource
from wafs.whatsapp.source import Source
from wafs.whatsapp.surroundings import Surroundings

_NAMES_IN_FINDING: Final = 5
_CRYPT_KINDS: Final = {
    CryptState.OPENS: (Kind.CRYPT_OPENS, "this encrypted backup is whole, and a key for it is in the vault"),
    CryptState.NO_KEY: (Kind.CRYPT_NO_KEY, "this encrypted backup is whole, but no key in the vault opens it"),
    CryptState.NO_KEY_UNSURE: (
        Kind.CRYPT_NO_KEY,
        "no key in the vault opens this encrypted backup; without one nobody can tell if it is whole",
    ),
    CryptState.DAMAGED: (Kind.CRYPT_DAMAGED, "this encrypted backup is damaged"),
    CryptState.NOT_A_BACKUP: (Kind.CRYPT_UNKNOWN, "this is no encrypted backup that is known"),
}


class BackupExam:
    """Examines one backup; what is found goes to `report`, step by step.

    Thread: that of the command.
    """

    def __init__(self, place: Place, around: Surroundings) -> None:
        self.place = place
        self._around = around
        self.report = BackupReport(place.kind, place.app, place.folder)
        self._manifest = None if place.manifest is None else ManifestExam(place, place.manifest, around)

    def work(self) -> int:
        """Return how many bytes are read at most."""
        size = sum(work_of(self._database_files(number)) for number in self.place.databases)
        size += sum(self._around.inventory[number].size for number in self.place.crypts)
        return size + (self._manifest.work() if self._manifest is not None else 0)

    def run(self, elsewhere: Elsewhere) -> None:
        """Examine it; media that are not in it may be `elsewhere`.

        Raises: what the watch raises; everything else becomes a finding.
        """
        around, report = self._around, self.report
        finder = finder_of(self.place)
        is_elsewhere = functools.partial(elsewhere.has, self.place.kind)
        for number in self.place.databases:
            files = self._database_files(number)
            around.watch.looking_at(around.inventory[number].path)
            exam = DatabaseExam(around.vfs, files, self.place.kind, around.watch, self._contacts(number))
            report.databases.append(exam.report)
            try:
                exam.run(finder, is_elsewhere, around.inventory)
            finally:
                report.findings += exam.findings
        if self._manifest is not None:
            report.manifest = self._manifest.run()
            report.findings += self._manifest.findings
        for number in self.place.crypts:
            self._crypt(around.inventory[number])
        self._whole_databases()
        self._media(report.main)

    def _database_files(self, number: int) -> Files:
        inventory, place = self._around.inventory, self.place
        file = inventory[number]

        def beside(suffix: bytes) -> VaultFile | None:
            if place.manifest is not None and place.domain is not None:
                file_id = ios_file_id(place.domain, IOS_CHATS.encode() + suffix)
                found = place.files.get(ios_place_of(file_id))
            else:
                found = self._around.by_path.get(file.path + suffix)
            return None if found is None else inventory[found]

        return files_of(file, beside)

    def _contacts(self, number: int) -> Files | None:
        """Return the files of the contacts beside a database."""
        inventory, by_path = self._around.inventory, self._around.by_path
        path = inventory[number].path.rpartition(b"/")[0] + b"/" + CONTACTS
        if path not in by_path:
            return None

        def beside(suffix: bytes) -> VaultFile | None:
            found = by_path.get(path + suffix)
            return None if found is None else inventory[found]

        return files_of(inventory[by_path[path]], beside)

    def _crypt(self, file: VaultFile) -> None:
        around, report = self._around, self.report
        share = Share(around.watch, file.size)
        around.watch.looking_at(file.path)
        crypt = CryptReport(file)
        report.crypts.append(crypt)
        try:
            if file.inode not in around.crypts:
                around.crypts[file.inode] = self._crypt_facts(file, share)
            crypt.facts = around.crypts[file.inode]
        except (WafsError, OSError) as error:
            message = f"the vault cannot give this file: {sentence(str(error))}"
            report.findings.append(Finding(Kind.UNREADABLE, message, file.path))
        else:
            report.findings.append(_crypt_finding(file, crypt.facts))
        share.finish()

    def _crypt_facts(self, file: VaultFile, share: Share) -> CryptFacts:
        watch = self._around.watch

        def advanced(size: int) -> None:
            watch.check()
            share.advanced(size)

        is_messages = file.path.rpartition(b"/")[2].lower().startswith(b"msgstore")
        with PlainSource(self._around.vfs, file.path) as source:
            plain = Source(source.read, source.size)
            return examine_crypt(plain, self._around.keys, advanced, has_checksum=is_messages)

    def _whole_databases(self) -> None:
        """Say of each database that is whole what is in it."""
        report = self.report
        for database in report.databases:
            counts = database.counts
            if not database.whole or counts is None:
                continue
            media = "" if database.matched is None else f", {count_of(database.matched.media, 'medium', 'media')}"
            chats, messages = count_of(counts.chats, "chat", "chats"), count_of(counts.messages, "message", "messages")
            words = f"the message database is whole: {chats}, {messages}{media}"
            report.findings.append(Finding(Kind.DATABASE_WHOLE, words, database.file.path, count=counts.messages))
        encrypted = any(finding.kind is Kind.MANIFEST_ENCRYPTED for finding in report.findings)
        if not report.databases and not report.crypts and not encrypted:
            message = "there is no message database in this backup"
            if self.place.kind is BackupKind.IOS:
                message = "there are no chats of WhatsApp in this iOS backup, as if its own encrypted backup was on"
            report.findings.append(Finding(Kind.DATABASE_ABSENT, message, self.place.folder))

    def _media(self, database: DatabaseReport | None) -> None:
        """Say what of the media in the newest database is not there; older ones may name what was deleted since."""
        if database is None or database.matched is None:
            return
        matched, path = database.matched, database.file.path
        if not database.names_media:
            message = f"{count_of(matched.media, 'medium', 'media')} cannot be looked for"
            self.report.findings.append(Finding(Kind.MEDIA_UNKNOWN, message, path, count=matched.media))
            return
        missing = count_of(matched.missing.count, "medium that messages name is", "media that messages name are")
        elsewhere = count_of(matched.elsewhere.count, "medium is", "media are")
        empty = count_of(matched.empty.count, "medium has", "media have")
        self._lacking(Kind.MEDIA_MISSING, f"{missing} not in the vault", matched.missing, path)
        self._lacking(Kind.MEDIA_ELSEWHERE, f"{elsewhere} not in this backup", matched.elsewhere, path)
        self._lacking(Kind.MEDIA_EMPTY, f"{empty} nothing in the file", matched.empty, path)
        if matched.without_file:
            message = f"{count_of(matched.without_file, 'medium has', 'media have')} no file that the database names"
            self.report.findings.append(Finding(Kind.MEDIA_WITHOUT_FILE, message, path, count=matched.without_file))
        if matched.named and not (matched.missing.count or matched.elsewhere.count or matched.empty.count):
            message = f"all {count_of(len(matched.named), 'file', 'files')} that messages name are here"
            self.report.findings.append(Finding(Kind.MEDIA_COMPLETE, message, path, count=len(matched.named)))

    def _lacking(self, kind: Kind, message: str, lacking: Lacking, path: bytes) -> None:
        if not lacking.count:
            return
        first = tuple(ref.path or b"" for ref in lacking.first[:_NAMES_IN_FINDING])
        self.report.findings.append(
            Finding(kind, message, path, count=lacking.count, size=lacking.size or None, first=first)
        )


def _crypt_finding(file: VaultFile, facts: CryptFacts) -> Finding:
    kind, message = _CRYPT_KINDS[facts.state]
    details = (sentence(facts.reason),) if facts.reason else ()
    if facts.key is not None:
        details = (f"key: {facts.key}",)
    return Finding(kind, message, file.path, details=details)
