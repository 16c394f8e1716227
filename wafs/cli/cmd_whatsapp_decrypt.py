"""`wafs whatsapp decrypt`: encrypted backups made plain, on this machine or from and into a vault."""

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH
from wafs.cli.unlock_options import SecretSource, unlock_options

_EXAMPLES = (
    Example("wafs whatsapp decrypt msgstore.db.crypt15", "ask for the 64 digits, write msgstore.db here"),
    Example("wafs whatsapp decrypt --key-file key msgstore.db.crypt14 -o old.db", "with a key file of the phone"),
    Example("wafs whatsapp decrypt vault:/Databases/msgstore.db.crypt15 -o vault:/", "all inside of a vault"),
    Example("wafs whatsapp decrypt --vault vault cloud -o restored", "a folder of .mcrypt1 files gets its names back"),
)


@click.command(cls=Command, examples=_EXAMPLES)
@click.argument("file", metavar="FILE|VAULT:PATH")
@click.option("-o", "--output", metavar="OUT|VAULT:PATH", help="Where it goes; - is standard output.")
@click.option("--key-file", type=LOCAL_PATH, metavar="FILE", help="Use only the key in this file; - is stdin.")
@click.option("--vault", type=LOCAL_PATH, metavar="VAULT", help="Use the keys that this vault keeps.")
@click.option("--force", is_flag=True, help="Replace what is there.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each file.")
@unlock_options
def decrypt(  # noqa: PLR0913  one argument for each option
    *,
    file: str,
    output: str | None,
    key_file: str | None,
    vault: str | None,
    force: bool,
    as_json: bool,
    source: SecretSource,
) -> None:
    """Decrypt encrypted backups and media files.

    FILE is a .crypt12, .crypt14, .crypt15 or .mcrypt1, or a folder with such files. OUT is its name without the last
    suffix, in this folder. Media files get the names back that their metadata tell.

    The keys are those of --vault and of the vaults in FILE and OUT; where there are none, the 64 digits are asked for.
    All of a file is verified before anything of it is written, and it appears under its name when it is whole.
    """
    from wafs.cli.decrypt_job import DecryptJob

    DecryptJob(file, output, key_file=key_file, vault=vault, source=source, force=force, as_json=as_json).run()
