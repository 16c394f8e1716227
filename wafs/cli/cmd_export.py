"""`wafs export`: chats as pages, JSON or text, made by whatsapp-chat-exporter from a vault."""

import os
from typing import TYPE_CHECKING, NamedTuple

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, VaultPath, vault_with_path
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.export_result import ResultFacts
    from wafs.cli.private_mount import Facts
    from wafs.cli.run_session import Wanted
    from wafs.vault.header_file import GetSecret

_DEFAULT_OUT = "export"
_OUT_HELP = "Put the result into this new or empty folder; export if not given."
_EXAMPLES = (
    Example("wafs export vault", "make pages of all chats, in the folder export"),
    Example("wafs export vault:/Databases -o chats --json", "of the backup in this folder, as JSON"),
    Example("wafs export vault --keep-in /pages", "keep the pages in the vault: nothing is written unencrypted"),
    Example("wafs export vault -o ann -- --include 15550100001", "hand an option on to whatsapp-chat-exporter"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("vault", metavar="VAULT[:PATH]", callback=vault_with_path)
@click.argument("options", metavar="[-- OPTION...]", nargs=-1, type=click.UNPROCESSED)
@unlock_options
@click.option("-o", "--out", type=LOCAL_PATH, metavar="OUT", help=_OUT_HELP)
@click.option("--keep-in", metavar="PATH", help="Put it into this new folder of the vault, and nowhere else.")
@click.option("--force", is_flag=True, help="Use OUT even if it is not empty; files of one name are replaced.")
@click.option("--html", "pages", is_flag=True, help="Make pages; this is the default.")
@click.option("--json", "as_json", is_flag=True, help="Make one JSON file.")
@click.option("--txt", "as_text", is_flag=True, help="Make one text file for each chat.")
@click.option("--ios", is_flag=True, help="Take the backup of an iPhone if there are others, too.")
@click.option("--business", is_flag=True, help="Take WhatsApp Business if an iPhone backup has both.")
@click.option("--no-media", is_flag=True, help="Leave out the media: what links to them leads nowhere.")
@click.option("--keep-remote", is_flag=True, help="Leave what pages load from other machines, scripts included.")
def export(  # noqa: PLR0913  one argument for each option
    *,
    vault: VaultPath,
    options: tuple[str, ...],
    source: SecretSource,
    out: str | None,
    keep_in: str | None,
    force: bool,
    pages: bool,
    as_json: bool,
    as_text: bool,
    ios: bool,
    business: bool,
    no_media: bool,
    keep_remote: bool,
) -> None:
    """Make pages, JSON or text of the chats in VAULT.

    whatsapp-chat-exporter does it, on the backup at or below PATH: msgstore.db with wa.db and the WhatsApp folder, or
    an iPhone backup with Manifest.db; if there is only msgstore.db.crypt15 or the like, with the key that VAULT keeps
    for it. It works in a mount of its own, where its temporary files are encrypted, and the vault is not changed. The
    result, with the media, goes to the folder OUT, and is NOT encrypted there.

    Its pages load scripts and style sheets from servers of others; that is taken out, and a policy in each page has the
    browser refuse the network. Links that you click still work. OPTION goes to whatsapp-chat-exporter as it stands.
    """
    from wafs.cli.exporter import FORMATS, PAGES, find_exporter
    from wafs.cli.out_folder import check_out
    from wafs.errors import UsageError
    from wafs.vault.header_file import read_headers

    if options and not options[0].startswith("-"):
        msg = f"{options[0]} is no option of whatsapp-chat-exporter"
        raise UsageError(msg, hint="name the folder for the result with -o")
    if out is not None and keep_in is not None:
        msg = "give only one of --out and --keep-in"
        raise UsageError(msg)
    exporter = find_exporter()
    read_headers(vault.vault)
    out = out or _DEFAULT_OUT
    if keep_in is None:
        check_out(out, vault=vault.vault, force=force)
    wanted = zip(FORMATS, (pages, as_json, as_text), strict=True)
    formats = frozenset(name for name, is_wanted in wanted if is_wanted) or frozenset({PAGES})
    asked = _Asked(exporter, options, formats, out, keep_in, ios, business, not no_media, keep_remote)
    raise click.exceptions.Exit(_export(vault, source, asked))


class _Asked(NamedTuple):
    """What the person wants."""

    exporter: str
    options: tuple[str, ...]
    formats: frozenset[str]
    out: str
    keep_in: str | None
    ios: bool
    business: bool
    media: bool
    remote: bool


def _export(vault: VaultPath, source: SecretSource, asked: _Asked) -> int:
    """Export, and return the exit code. Encrypted backups are decrypted if there are no others."""
    from functools import cache

    from wafs.cli.export_choice import OnlyEncryptedError, backups_to_decrypt
    from wafs.cli.run_session import Wanted

    # Asked for once, though the vault may be opened twice.
    get_secret = cache(source.get_secret)
    try:
        return _export_from(Wanted(vault.vault), get_secret, vault.path, asked)
    except OnlyEncryptedError:
        wanted = Wanted(vault.vault, backups=backups_to_decrypt(os.fsdecode(vault.path)))
        return _export_from(wanted, get_secret, vault.path, asked)


def _export_from(wanted: "Wanted", get_secret: "GetSecret", path: bytes, asked: _Asked) -> int:
    from wafs.cli.exitcodes import FAILED
    from wafs.cli.export_choice import choose_backup
    from wafs.cli.export_keeping import check_new, keep_result, orders_to_copy, orders_to_seal
    from wafs.cli.export_result import finish_result
    from wafs.cli.exporter import Export
    from wafs.cli.run_place import RunPlace
    from wafs.cli.run_session import vault_for_a_command
    from wafs.cli.screen import tell
    from wafs.cli.supervising import INTERRUPTIONS, run_command
    from wafs.whatsapp.exportable import Phone
    from wafs.whatsapp.ios_manifest import check_paths

    with vault_for_a_command(wanted, get_secret, keep_result) as mount:
        place = RunPlace(mount.place)
        place.make()
        backup = choose_backup(mount.place, os.fsdecode(path), ios=asked.ios, business=asked.business)
        if backup.phone is Phone.IOS:
            check_paths(os.path.join(mount.place, backup.file))
        if asked.keep_in is not None:
            check_new(mount.place, asked.keep_in)
        tell("", f"exporting the {backup.phone} backup in /{backup.place}")
        work = Export(mount.place, place.at("export"), backup, asked.formats)
        work.prepare()
        line = work.command(asked.exporter, asked.options)
        environment = place.environment(os.environ, work.folder, own_home=False)
        code = run_command(line, folder=work.folder, environment=environment, server=mount.server)
        if code in INTERRUPTIONS:
            raise KeyboardInterrupt
        if code:
            tell("error", f"whatsapp-chat-exporter ended with exit code {code}; nothing was kept")
            return FAILED
        result = finish_result(work, keep_remote=asked.remote)
        if asked.keep_in is None:
            orders = orders_to_copy(work, asked.out, media=asked.media)
        else:
            orders = orders_to_seal(work, asked.keep_in, media=asked.media)
        done = mount.end(orders)
    if "files" in done:
        _tell_result(result, done, asked)
    return int(done["code"] or done.get("kept", 0))


def _tell_result(result: "ResultFacts", done: "Facts", asked: _Asked) -> None:
    from wafs.cli.screen import count_words, size_words, tell

    counts = f"{count_words(result.chats, 'chat')}, {count_words(result.messages, 'message')}"
    where = asked.out if asked.keep_in is None else f"{asked.keep_in} of the vault"
    tell("", f"{counts}: {count_words(done['files'], 'file')}, {size_words(done['bytes'])} in {where}")
    if not asked.media:
        tell("note", "the media were left out, so links to them lead nowhere")
    if asked.remote:
        tell("warning", "the pages load a script from another machine, which can read the chats in them")
    if asked.keep_in is None:
        tell("note", f"{asked.out} is not encrypted; begin with {os.path.join(asked.out, result.first)}")
