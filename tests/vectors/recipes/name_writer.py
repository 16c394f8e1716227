"""Name writer: sealed names of one directory, and any other text sealed in their place."""

import dataclasses

from vectors.loader import Vector
from vectors.recipes.recipe import Keys, recipe
from vectors.recipes.seal import Dice, b64, pad16, sha256, siv


@dataclasses.dataclass(frozen=True, slots=True)
class NameWriter:
    """Seals names in one directory."""

    keys: Keys
    directory_id: bytes

    @classmethod
    def of(cls, name: str) -> "NameWriter":
        """Roll the keys and the directory id of the vector of this name."""
        dice = Dice(name)
        return cls(Keys.rolled(dice), dice.roll("directory id", 16))

    def sealed(self, padded: bytes) -> bytes:
        """Seal a text that is padded already, or wrongly."""
        return siv(self.keys.subkey("names", 64), padded, self.directory_id)

    def short(self, padded: bytes) -> str:
        """Ciphertext name that holds the sealed text."""
        return b64(self.sealed(padded)) + ".wafs"

    def long(self, padded: bytes) -> tuple[str, bytes]:
        """Ciphertext name of a long name, and the content of its .name file."""
        sealed = self.sealed(padded)
        return b64(sha256(sealed)) + ".wafl", sealed

    def entry(self, name: bytes) -> tuple[str, bytes]:
        """Ciphertext name of any name, and the content of its .name file or nothing."""
        padded = pad16(name)
        return (self.short(padded), b"") if len(name) <= 144 else self.long(padded)

    def good(self, name: str, rule: str, comment: str, plain: bytes) -> Vector:
        """Make a vector that opens."""
        entry, data = self.entry(plain)
        inputs = self.keys.inputs(dir_id=self.directory_id, name=entry)
        full = f"name-ok-{name}"
        return recipe(full, rule, comment, data, kind="name", plain=plain, inputs=inputs)

    def bad(self, name: str, rule: str, expect: str, comment: str, entry: str, data: bytes = b"") -> Vector:
        """Make a vector that does not open."""
        inputs = self.keys.inputs(dir_id=self.directory_id, name=entry)
        full = f"name-{name}"
        return recipe(full, rule, comment, data, kind="name", expect=expect, inputs=inputs)
