"""Program: all commands under one name."""

import click

from wafs import __version__
from wafs.cli.cmd_backup import backup
from wafs.cli.cmd_cat import cat
from wafs.cli.cmd_check import check
from wafs.cli.cmd_completion import completion
from wafs.cli.cmd_doctor import doctor
from wafs.cli.cmd_export import export
from wafs.cli.cmd_get import get
from wafs.cli.cmd_info import info
from wafs.cli.cmd_init import init
from wafs.cli.cmd_ls import ls
from wafs.cli.cmd_mount import mount
from wafs.cli.cmd_passwd import passwd
from wafs.cli.cmd_put import put
from wafs.cli.cmd_restore import restore
from wafs.cli.cmd_rm import rm
from wafs.cli.cmd_run import run
from wafs.cli.cmd_salvage import salvage
from wafs.cli.cmd_snapshots import snapshots
from wafs.cli.cmd_status import status
from wafs.cli.cmd_umount import umount
from wafs.cli.cmd_whatsapp import whatsapp
from wafs.cli.cmd_why import why
from wafs.cli.help_texts import CommandGroup
from wafs.cli.logs import log_to_screen

_COMMANDS: tuple[click.Command, ...] = (
    *(init, mount, umount, status, ls, cat, get, put, rm, info, passwd),
    *(backup, restore, snapshots, run, export),
    *(check, doctor, why, salvage, whatsapp, completion),
)


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="wafs", message="%(prog)s %(version)s")
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
def program(*, verbose: bool) -> None:
    """Keep WhatsApp backups in an encrypted folder, and use it as a normal one.

    A vault is a folder of encrypted files; it may lie on a cloud drive, a NAS or a USB disk. Mount it, and it is a
    normal folder for every program. Where nothing can be mounted, ls, cat, get, put and rm do the same work.
    """
    log_to_screen(verbose=verbose)


for _command in _COMMANDS:
    program.add_command(_command)
