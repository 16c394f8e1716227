"""`wafs whatsapp key`: keys of encrypted backups, kept in a vault."""

import datetime
import sys
from typing import TYPE_CHECKING

import click

from wafs.cli.help_texts import Command, CommandFolder, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.cli.unlock_options import SecretSource, unlock_options

if TYPE_CHECKING:
    from wafs.cli.backup_search import BackupInVault
    from wafs.format.key_store import StoredKey

_ADD = (
    Example('wafs whatsapp key add vault --label "new phone"', "ask for the 64 digits"),
    Example("wafs whatsapp key add vault --key-file encrypted_backup.key", "from a file of the phone"),
    Example("wafs whatsapp key add vault --key-file key --label old --until 2021-10-31", "for .crypt12 and .crypt14"),
)
_LIST = (
    Example("wafs whatsapp key list vault", "which keys are here, and what do they open?"),
    Example("wafs whatsapp key list --json vault | jq .label", "one JSON object for each key"),
)
_REMOVE = (Example("wafs whatsapp key remove --yes vault phone", "take it out of the vault"),)
_SHOW = (Example("wafs whatsapp key show vault phone", "print the 64 digits, to write them down"),)


@click.group(cls=CommandFolder)
def key() -> None:
    """Keep the keys of encrypted backups in a vault.

    They lie beside the files of the vault, encrypted as these are, and no mount shows them.
    """


def _date(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    if value is None:
        return ""
    try:
        return datetime.date.fromisoformat(value).isoformat()
    except ValueError:
        msg = f"{value!r} is not a date such as 2021-05-31"
        raise click.BadParameter(msg, ctx, param) from None


@key.command(cls=Command, examples=_ADD)
@click.argument("vault", type=LOCAL_PATH)
@click.option("--key-file", type=LOCAL_PATH, metavar="FILE", help="Read the key from this file; - is stdin.")
@click.option("--label", metavar="TEXT", help="What to call it.")
@click.option("--from", "since", metavar="DATE", callback=_date, help="First day of the backups that it opens.")
@click.option("--until", metavar="DATE", callback=_date, help="Last day of these backups.")
@unlock_options
def add(*, vault: str, source: SecretSource, key_file: str | None, label: str | None, since: str, until: str) -> None:
    """Put a key into VAULT.

    A key is 64 digits, or a file from the phone: encrypted_backup.key, or key for older backups. Without --key-file the
    digits are asked for; spaces and dashes between them mean nothing. Labels and dates are for people: every key is
    tried on every backup of its kind.
    """
    from wafs.cli.interrupts import deferred_interrupts
    from wafs.cli.screen import tell
    from wafs.cli.whatsapp_keys import add_key, ask_key, read_key_file
    from wafs.errors import UsageError
    from wafs.vault.key_store_file import unlocked_key_store

    if since and until and since > until:
        msg = f"--from {since} is after --until {until}"
        raise UsageError(msg)
    with unlocked_key_store(vault, source.get_secret) as store:
        store.read()
        new = ask_key() if key_file is None else read_key_file(key_file)
        with deferred_interrupts():
            added = add_key(store, new, label, since, until)
    tell("", f"the vault keeps the key {added.label} ({new.kind.value}, fingerprint {new.fingerprint})")
    if key_file is None:
        tell("hint", f"keep the digits on paper as well: {vault}/wafs.keys is the only other place where they are")


@key.command("list", cls=Command, examples=_LIST)
@click.argument("vault", type=LOCAL_PATH)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each key.")
@unlock_options
def list_keys(*, vault: str, source: SecretSource, as_json: bool) -> None:
    """List the keys in VAULT, and which backups in it they open.

    The keys themselves are not shown. Folders named Media are not searched for backups.
    """
    from wafs.cli.backup_search import backups_in
    from wafs.cli.opening import opened
    from wafs.cli.screen import count_words, tell
    from wafs.cli.whatsapp_keys import candidates_of
    from wafs.vault.key_store_file import KeyStoreFile

    with opened(vault, source, read_only=True) as session:
        keys = KeyStoreFile.of(session.vfs.vault).read()
        backups = list(backups_in(session, candidates_of(keys)))
    for stored in keys:
        _show(stored, [backup for backup in backups if backup.label == stored.label], as_json=as_json)
    if not keys:
        tell("note", "the vault keeps no keys; put one in with: wafs whatsapp key add")
    closed = [backup for backup in backups if backup.label is None]
    if closed:
        tell("note", f"{count_words(len(closed), 'encrypted backup')} in the vault for which there is no key, such as")
        tell("note", closed[0].shown)


def _show(stored: "StoredKey", opens: "list[BackupInVault]", *, as_json: bool) -> None:
    import json

    from wafs.cli.screen import count_words, escape, say, time_words
    from wafs.cli.whatsapp_keys import key_of

    known = key_of(stored)
    fingerprint = known.fingerprint if known is not None else ""
    if as_json:
        facts = {
            "label": stored.label,
            "kind": stored.kind,
            "fingerprint": fingerprint,
            "from": stored.since or None,
            "until": stored.until or None,
            "added": stored.added,
            "opens": [backup.shown for backup in opens],
        }
        say(json.dumps(facts))
        return
    say(escape(stored.label))
    say(f"  {stored.kind} key, fingerprint {fingerprint or 'unknown: a newer wafs knows this kind'}")
    span = f"{stored.since or '...'} to {stored.until or '...'}, " if stored.since or stored.until else ""
    say(f"  {span}added {time_words(stored.added, '%Y-%m-%d')}")
    if opens:
        say(f"  opens {count_words(len(opens), 'backup')} here")
        for backup in opens:
            say(f"    {escape(backup.shown)}")


@key.command(cls=Command, examples=_REMOVE)
@click.argument("vault", type=LOCAL_PATH)
@click.argument("labels", metavar="LABEL...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@unlock_options
def remove(*, vault: str, labels: tuple[str, ...], source: SecretSource, yes: bool) -> None:
    """Take the keys LABEL out of VAULT.

    Backups that only they open are lost then, unless the keys are kept elsewhere.
    """
    import os

    from wafs.cli.interrupts import deferred_interrupts
    from wafs.cli.screen import tell
    from wafs.cli.secret_input import ask_yes
    from wafs.cli.whatsapp_keys import find_key, remove_keys
    from wafs.vault.key_store_file import unlocked_key_store

    with unlocked_key_store(vault, source.get_secret) as store:
        keys = store.read()
        for label in labels:
            find_key(keys, label)
        if not yes and not ask_yes(f"Is {', '.join(labels)} kept elsewhere, or of no more use?"):
            tell("", "nothing was removed")
            raise click.exceptions.Exit(1)
        with deferred_interrupts():
            remove_keys(store, labels)
    tell("note", f"an old copy of {os.path.join(vault, 'wafs.keys')}, in the history of a cloud drive, still has it")


@key.command(cls=Command, examples=_SHOW)
@click.argument("vault", type=LOCAL_PATH)
@click.argument("label")
@click.option("--force", is_flag=True, help="Print it also if that is not to a terminal.")
@unlock_options
def show(*, vault: str, label: str, source: SecretSource, force: bool) -> None:
    """Print the key LABEL of VAULT, in digits.

    Who sees it can read every backup that it opens, for ever. It is for paper, and for WhatsApp when it asks for the
    64-digit key.
    """
    from wafs.cli.screen import say, tell
    from wafs.cli.whatsapp_keys import find_key, key_of
    from wafs.errors import UsageError
    from wafs.vault.key_store_file import unlocked_key_store

    if not force and not sys.stdout.isatty():
        msg = "a key is printed to a terminal only"
        raise UsageError(msg, hint="--force prints it all the same, to a file for example")
    with unlocked_key_store(vault, source.get_secret) as store:
        stored = find_key(store.read(), label)
    known = key_of(stored)
    tell("warning", "whoever sees these digits can read all backups that they open")
    say(known.digits if known is not None else stored.data.hex())
