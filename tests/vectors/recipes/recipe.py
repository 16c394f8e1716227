"""Recipe: puts a vector together, and the keys that most vectors share."""

import dataclasses

from vectors.loader import Vector
from vectors.recipes.seal import Dice, hkdf, sha256


def recipe(
    name: str,
    rule: str,
    comment: str,
    data: bytes,
    *,
    kind: str,
    expect: str = "success",
    plain: bytes | None = None,
    inputs: dict[str, str] | None = None,
) -> Vector:
    """Make a vector; one that expects success releases plain, any other one nothing."""
    if (expect == "success") != (plain is not None):
        message = f"vector {name}: plain is given with success, and only then"
        raise ValueError(message)
    digest = None if plain is None else sha256(plain).hex()
    return Vector(name, kind, expect, rule, comment, digest, inputs or {}, data)


@dataclasses.dataclass(frozen=True, slots=True)
class Keys:
    """Master key and vault id of the vault that a vector comes from."""

    master_key: bytes
    vault_id: bytes

    @classmethod
    def rolled(cls, dice: Dice) -> "Keys":
        """Take both from the dice."""
        return cls(dice.roll("master key", 32), dice.roll("vault id", 16))

    def subkey(self, label: str, size: int) -> bytes:
        """Derive a subkey."""
        return hkdf(self.master_key, self.vault_id, b"wafs1 " + label.encode(), size)

    def inputs(self, **more: bytes | str | int) -> dict[str, str]:
        """Give the header lines of the keys and of more inputs; bytes in hexadecimal."""
        lines: dict[str, bytes | str | int] = {
            "master_key": self.master_key,
            "vault_id": self.vault_id,
            **more,
        }
        return {
            key.replace("_", "-"): value.hex() if isinstance(value, bytes) else str(value)
            for key, value in lines.items()
        }
