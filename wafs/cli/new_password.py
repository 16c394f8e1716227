"""New password: asked for twice, and judged."""

from typing import Final, NamedTuple

from wafs.cli.screen import tell
from wafs.cli.secret_input import ask_password, ask_yes, read_password_command, read_password_file
from wafs.errors import SecretInputError

_WEAK_BELOW: Final = 3
_JUDGED_LENGTH: Final = 72
"""What zxcvbn takes, in characters; a longer password is judged by its beginning."""


class Strength(NamedTuple):
    """How good a password is: `score` 0 to 4, and the time that guessing it takes, in words."""

    score: int
    guessing_time: str
    advice: str

    @property
    def weak(self) -> bool:
        """Tell whether a person should think again."""
        return self.score < _WEAK_BELOW


def judge(password: bytes) -> Strength:
    """Estimate how long somebody who has a copy of the vault must guess."""
    from zxcvbn import zxcvbn

    found = zxcvbn(password.decode()[:_JUDGED_LENGTH])
    feedback = found["feedback"]
    advice = [feedback["warning"], *feedback["suggestions"]]
    return Strength(
        int(found["score"]),
        str(found["crack_times_display"]["offline_slow_hashing_1e4_per_second"]),
        " ".join(part.rstrip(".") + "." for part in advice if part),
    )


def choose_password(*, password_file: str | None, password_command: str | None) -> bytes:
    """Return the password for a new slot: read from where it was said to be, or asked for twice on the terminal.

    A weak one is warned about; only on a terminal it must be confirmed.
    Raises: SecretInputError, UsageError, OSError.
    """
    if password_file is None and password_command is None:
        return _ask_twice()
    password = read_password_file(password_file) if password_file else read_password_command(password_command or "")
    strength = judge(password)
    if strength.weak:
        _warn(strength)
    return password


def _ask_twice() -> bytes:
    while True:
        password = ask_password("New password: ")
        if ask_password("The same again: ") != password:
            msg = "the two passwords are not the same"
            raise SecretInputError(msg, hint="run the command again")
        strength = judge(password)
        if not strength.weak:
            tell("", f"password strength {strength.score} of 4: offline guessing takes {strength.guessing_time}")
            return password
        _warn(strength)
        if ask_yes("Use it all the same?"):
            return password


def _warn(strength: Strength) -> None:
    tell("warning", f"weak password, {strength.score} of 4: offline guessing takes {strength.guessing_time}")
    tell("hint", f"{strength.advice} Four or five random words are good.".strip())
