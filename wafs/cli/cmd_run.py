"""`wafs run`: run a command on a vault so that what it leaves by the way is never on a disk unencrypted."""

import os
import shutil

import click

from wafs.cli.help_texts import Command, Example
from wafs.cli.parameters import LOCAL_PATH, decrypt_backups_option
from wafs.cli.unlock_options import SecretSource, unlock_options

_EXAMPLES = (
    Example("wafs run vault ls -l", "run a command in the vault"),
    Example(
        "wafs run vault -o result -- tool --all {}/WhatsApp", "keep what it creates or changes, in the folder result"
    ),
    Example("wafs run vault --keep-in /made -- tool -o found.txt", "keep that in the vault, and nowhere else"),
)


class RunCommand(Command):
    """A command line whose options end where the COMMAND begins."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read everything from the second word on that is no option as it stands, `--` or not."""
        return super().parse_args(ctx, self._with_end_of_options(args))

    def _with_end_of_options(self, args: list[str]) -> list[str]:
        options = [param for param in self.params if isinstance(param, click.Option) and not param.is_flag]
        with_value = {name for option in options for name in option.opts} - set(self.usual_values)
        words, place = 0, 0
        while place < len(args) and args[place] != "--":
            word = args[place]
            if word.startswith("-") and word != "-":
                place += 1 if word not in with_value else 2
                continue
            words += 1
            if words == 2:
                return [*args[:place], "--", *args[place:]]
            place += 1
        return args


@click.command(cls=RunCommand, examples=_EXAMPLES, usual_values={"--decrypt-backups": "latest"})
@click.argument("vault", type=LOCAL_PATH)
@click.argument("words", metavar="[--] COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@unlock_options
@click.option("-o", "--out", type=LOCAL_PATH, metavar="OUT", help="Copy what was created or changed to this folder.")
@click.option("--keep-in", metavar="PATH", help="Keep that in this folder of the vault.")
@click.option("--force", is_flag=True, help="Use OUT even if it is not empty; nothing in it is replaced.")
@click.option("--cwd", metavar="PATH", default="/", help="Start COMMAND in this folder of the vault.")
@click.option("--scratch-dir", type=LOCAL_PATH, metavar="DIR", help="Put changes aside here, encrypted.")
@decrypt_backups_option
@click.option("--own-home", is_flag=True, help="Let COMMAND use your own HOME, settings and caches.")
@click.option("--replace", metavar="TEXT", default="{}", help="Stand for the mountpoint with TEXT and not with {}.")
def run(  # noqa: PLR0913  one argument for each option
    *,
    vault: str,
    words: tuple[str, ...],
    source: SecretSource,
    out: str | None,
    keep_in: str | None,
    force: bool,
    cwd: str,
    scratch_dir: str | None,
    backups: str | None,
    own_home: bool,
    replace: str,
) -> None:
    """Run a command on VAULT, with no plaintext left on a disk.

    VAULT is mounted for COMMAND alone, which starts at the top of it; {} in COMMAND stands for the place where that is.
    It may change what it likes: changes are put aside, encrypted, and thrown away in the end, and VAULT stays as it is.
    With -o the files that it created or changed are copied to the folder OUT before, where they are NOT encrypted; with
    --keep-in to a folder of VAULT.

    Its temporary files, its HOME, caches and settings are in the mount as well, and go with it. What it writes to other
    places by their names, what it sends over a network, and swap are beyond wafs.

    Standard input, output and error are yours, and Ctrl-C is for COMMAND. The exit code is that of COMMAND, 128 + n if
    signal n ended it, 127 if there is no such command; if wafs itself fails, its own.
    """
    from wafs.cli.out_folder import check_out
    from wafs.cli.run_keeping import keep_changes
    from wafs.cli.run_place import RunPlace
    from wafs.cli.run_session import Wanted, vault_for_a_command
    from wafs.cli.screen import tell
    from wafs.cli.supervising import NOT_FOUND, run_command
    from wafs.errors import NotFoundError, UsageError
    from wafs.vault.header_file import read_headers

    if out is not None and keep_in is not None:
        msg = "give only one of --out and --keep-in"
        raise UsageError(msg)
    read_headers(vault)
    if out is not None:
        check_out(out, vault=vault, force=force)
    # Before the password is asked for. What has a slash in it may lie in the vault.
    is_name = "/" not in words[0] and not (replace and replace in words[0])
    if is_name and shutil.which(words[0]) is None:
        tell("error", f"{words[0]}: command not found")
        raise click.exceptions.Exit(NOT_FOUND)
    with vault_for_a_command(Wanted(vault, scratch_dir, backups, keep_in), source.get_secret, keep_changes) as mount:
        place = RunPlace(mount.place)
        place.make()
        folder = os.path.join(mount.place, cwd.strip("/")).rstrip("/")
        if not os.path.isdir(folder):
            msg = f"there is no folder {cwd} in the vault"
            raise NotFoundError(msg)
        line = [word.replace(replace, mount.place) if replace else word for word in words]
        environment = place.environment(os.environ, folder, own_home=own_home)
        code = run_command(line, folder=folder, environment=environment, server=mount.server)
        shown = out if keep_in is None else f"{keep_in} of the vault"
        kept = {"out": out and os.path.abspath(out), "keep_in": keep_in, "shown": shown}
        done = mount.end({"place": place.name, "code": code, **kept})
    raise click.exceptions.Exit(code or done["code"] or done.get("kept", 0))
