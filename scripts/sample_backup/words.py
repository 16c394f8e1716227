"""Words: what the people of a sample backup are called and what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random

FIRST_NAMES: Final = (
    *("Amara", "Bela", "Chen", "Dilan", "Esme", "Farid", "Greta", "Hugo", "Ines", "Jonas"),
    *("Kaya", "Luca", "Mira", "Nils", "Olga", "Pavel", "Rana", "Sami", "Tove", "Yuki"),
)

GROUPS: Final = ("Family", "Football on Sunday", "Class of 2009", "Neighbours", "Trip to Porto")

TALK: Final = (
    "see you at the station",
    "who brings the cake?",
    "running ten minutes late",
    "look at this picture",
    "the doctor says all is well",
    "can you call me tonight?",
    "happy birthday!",
    "tickets are booked",
    "the kids are asleep at last",
    "did you see the match",
    "sending the papers now",
    "it is snowing here",
    "gr\u00fc\u00dfe aus Z\u00fcrich",
    "\u00e0 demain !",
    "\u4f60\u597d",
    "\u0434\u043e \u0432\u0441\u0442\u0440\u0435\u0447\u0438",
    "\u0645\u0631\u062d\u0628\u0627",
    "\u3042\u308a\u304c\u3068\u3046",
)

EMOJI: Final = "\U0001f600\U0001f602\u2764\U0001f44d\U0001f389\U0001f64f\U0001f605\U0001f525"

PAPERS: Final = (
    "Rechnung M\u00e4rz (Kopie)",
    "contrat de location sign\u00e9",
    "\u65c5\u884c\u306e\u8a08\u753b",
    "Report 2023 - final, really final",
    "\u0441\u043f\u0438\u0441\u043e\u043a \u0433\u043e\u0441\u0442\u0435\u0439",
    "100% & more #1 'draft'",
)


def sentence(rng: random.Random) -> str:
    """Return one to three sentences, now and then over two lines or with an emoji."""
    parts = rng.choices(TALK, k=rng.choice((1, 1, 2, 3)))
    text = ("\n" if rng.random() < 0.05 else " ").join(parts)
    return f"{text} {rng.choice(EMOJI)}" if rng.random() < 0.2 else text
