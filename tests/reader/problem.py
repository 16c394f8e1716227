"""Problem: the one exception of the reader, with the result class of format.md section 1."""

from typing import Literal, NoReturn

ResultClass = Literal["wrong key", "header", "auth", "truncated", "malformed", "limits", "version"]


class FormatProblem(Exception):  # noqa: N818 -- a problem of what was read, not of the reader
    """What was read breaks a rule of the format.

    Args:
        result_class: one of the classes of format.md section 1, never *success*.
        rule: the rule that is broken ("F-23"), or "section N" where the page has no number.
        message: what was wanted and what was found.
    """

    def __init__(self, result_class: ResultClass, rule: str, message: str) -> None:
        super().__init__(f"{result_class}: {message} ({rule})")
        self.result_class: ResultClass = result_class
        self.rule = rule
        self.message = message


def refuse(result_class: ResultClass, rule: str, message: str) -> NoReturn:
    """Raise FormatProblem."""
    raise FormatProblem(result_class, rule, message)


def demand(
    condition: bool,
    result_class: ResultClass,
    rule: str,
    message: str,
) -> None:
    """Raise FormatProblem unless the condition holds."""
    if not condition:
        refuse(result_class, rule, message)
