"""`wafs whatsapp`: what has to do with WhatsApp's own files."""

import click

from wafs.cli.cmd_whatsapp_decrypt import decrypt
from wafs.cli.cmd_whatsapp_key import key
from wafs.cli.help_texts import CommandFolder


@click.group(cls=CommandFolder)
def whatsapp() -> None:
    """Open WhatsApp's own encrypted backups.

    A .crypt12, .crypt14, .crypt15 or .mcrypt1 file opens with a key that only the phone, or the person who wrote it
    down, has. A vault can keep these keys, too.
    """


whatsapp.add_command(key)
whatsapp.add_command(decrypt)
