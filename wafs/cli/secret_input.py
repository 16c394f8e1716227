"""Secret input: passwords and recovery keys from a terminal, a file, a command or standard input.

Never from an argument or the environment, which other users and crash reports can see. Of a file, a command or standard
input only the first line counts, without its line end and with nothing else taken away.
"""

import getpass
import os
import shlex
import subprocess
import sys
import unicodedata
import warnings
from typing import BinaryIO, Final

from wafs.errors import SecretInputError, UsageError
from wafs.format.recovery_text import parse_recovery_key
from wafs.format.slot import MAX_PASSWORD_SIZE

STANDARD_INPUT: Final = "-"
TERMINAL: Final = "/dev/tty"
NO_TERMINAL_HINT: Final = "give --password-file FILE, --password-file - or --password-command COMMAND"

_MAX_LINE: Final = 8 * MAX_PASSWORD_SIZE
_MAX_RECOVERY_TEXT: Final = 65_536


def password_of(line: bytes, source: str) -> bytes:
    """Make the password from a line: without its line end, NFC, UTF-8. `source` says where it is from.

    Sizes: 1 to 1024 bytes.
    Raises: SecretInputError.
    """
    if line.endswith(b"\n"):
        line = line.removesuffix(b"\n").removesuffix(b"\r")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        msg = f"the password from {source} is not UTF-8"
        raise SecretInputError(msg, hint="save it as UTF-8") from None
    password = unicodedata.normalize("NFC", text).encode()
    if not password:
        msg = f"the password from {source} is empty: its first line counts"
        raise SecretInputError(msg)
    if len(password) > MAX_PASSWORD_SIZE:
        msg = f"the password from {source} is longer than {MAX_PASSWORD_SIZE} bytes"
        raise SecretInputError(msg)
    return password


def read_password_file(path: str) -> bytes:
    """Read a password from the first line of a file, or of what is left of standard input for `-`.

    Raises: SecretInputError, OSError.
    """
    if path == STANDARD_INPUT:
        return password_of(_line_of_standard_input(), "standard input")
    with open(path, "rb") as file:
        return password_of(file.readline(_MAX_LINE), path)


def read_password_command(command: str) -> bytes:
    """Run a command without a shell and take the first line of its output; its standard error passes through.

    Raises: SecretInputError if it cannot be run or fails, UsageError if its quotes are not closed.
    """
    try:
        words = shlex.split(command)
    except ValueError as error:
        msg = f"the password command cannot be split into words: {str(error).lower()}"
        raise UsageError(msg) from None
    if not words:
        msg = "the password command is empty"
        raise UsageError(msg)
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    except OSError as error:
        msg = f"the password command {words[0]} cannot be run: {(error.strerror or '').lower()}"
        raise SecretInputError(msg) from None
    if done.returncode != 0:
        msg = f"the password command {words[0]} failed with exit code {done.returncode}"
        raise SecretInputError(msg)
    line, end, _ = done.stdout.partition(b"\n")
    return password_of(line + end, f"the command {words[0]}")


def read_recovery_file(path: str) -> bytes:
    """Read a recovery key from a file, or from standard input for `-`.

    Sizes: 32 bytes.
    Raises: SecretInputError that names the row with a mistake, OSError.
    """
    if path != STANDARD_INPUT:
        with open(path, "rb") as file:
            return _recovery_key(file, path)
    if sys.stdin.isatty():
        print("Type the rows of the recovery key, then Ctrl-D:", file=sys.stderr)  # noqa: T201
    return _recovery_key(sys.stdin.buffer, "standard input")


def ask_password(prompt: str) -> bytes:
    """Ask for a password on the terminal, without showing it.

    Raises: SecretInputError if there is no terminal or nothing was typed.
    """
    return password_of(
        ask_hidden(prompt, "password", NO_TERMINAL_HINT).encode("utf-8", "surrogateescape"), "the terminal"
    )


def ask_hidden(prompt: str, what: str, hint: str) -> str:
    """Ask for a secret on the terminal, without showing it; `hint` says what to do where there is no terminal.

    Raises: SecretInputError if there is no terminal or nothing was typed.
    """
    _check_terminal(what, hint)
    try:
        with warnings.catch_warnings():
            # Rather than show what is typed, do not ask.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(prompt)
    except getpass.GetPassWarning:
        msg = "the terminal cannot hide what is typed"
        raise SecretInputError(msg, hint=hint) from None
    except UnicodeDecodeError:
        msg = "what was typed is not in the character set of the terminal"
        raise SecretInputError(msg) from None
    except EOFError:
        msg = f"no {what} was typed"
        raise SecretInputError(msg) from None


def ask_yes(question: str) -> bool:
    """Ask a question on the terminal; anything but y or yes is a no.

    Raises: SecretInputError if there is no terminal.
    """
    _check_terminal("answer", "run it on a terminal")
    with open(TERMINAL, "w", encoding="utf-8") as screen:
        screen.write(f"{question} [y/N] ")
    with open(TERMINAL, encoding="utf-8", errors="replace") as keyboard:
        return keyboard.readline().strip().lower() in ("y", "yes")


def _check_terminal(what: str, hint: str) -> None:
    try:
        os.close(os.open(TERMINAL, os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        msg = f"there is no terminal to ask for the {what} on"
        raise SecretInputError(msg, hint=hint) from None


def _line_of_standard_input() -> bytes:
    """Return the next line, and leave what follows to whoever reads on, another program maybe."""
    # Nothing is asked for ahead, so nothing waits in the buffer.
    unbuffered = getattr(sys.stdin.buffer, "raw", sys.stdin.buffer)
    line = b""
    while len(line) < _MAX_LINE and not line.endswith(b"\n") and (byte := unbuffered.read(1)):
        line += byte
    return line


def _recovery_key(file: BinaryIO, source: str) -> bytes:
    data = file.read(_MAX_RECOVERY_TEXT)
    try:
        return parse_recovery_key(data.decode("utf-8"))
    except UnicodeDecodeError:
        msg = f"the recovery key from {source} is not text"
        raise SecretInputError(msg) from None
