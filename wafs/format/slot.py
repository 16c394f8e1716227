"""Slot: one wrapped master key (format.md section 4.2)."""

from dataclasses import dataclass
from typing import Final

from wafs.crypto.aead import NONCE_SIZE, Gcm
from wafs.crypto.digest import equal
from wafs.crypto.kdf import argon2id, hkdf
from wafs.errors import AuthenticationError, HeaderDamageError, LimitError, MalformedError, WrongSecretError
from wafs.format.encoding import Value

PASSWORD: Final = "password"  # noqa: S105  # the name of a slot type
RECOVERY: Final = "recovery"
SALT_SIZE: Final = 16
FRESH_SIZE: Final = SALT_SIZE + NONCE_SIZE
MIN_MEMORY_KIB: Final = 8_192
MAX_MEMORY_KIB: Final = 4_194_304
MAX_PASSES: Final = 16
MAX_LANES: Final = 16
MAX_WORK_KIB: Final = 16_777_216
MAX_PASSWORD_SIZE: Final = 1024

_SIZES: Final = {"commitment": 32, "nonce": 12, "salt": SALT_SIZE, "wrapped": 48}
_KEYS: Final = {*_SIZES, "kdf", "label", "type"}


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """What one guess at a password costs. `memory_kib` in KiB, `passes` over it, `lanes` at a time."""

    memory_kib: int = 262_144
    passes: int = 3
    lanes: int = 4

    def check(self) -> None:
        """Refuse a cost outside the caps, before it is paid (F-15).

        Raises: LimitError.
        """
        fits = (
            MIN_MEMORY_KIB <= self.memory_kib <= MAX_MEMORY_KIB
            and 1 <= self.passes <= MAX_PASSES
            and 1 <= self.lanes <= MAX_LANES
            and self.memory_kib * self.passes <= MAX_WORK_KIB
        )
        if not fits:
            msg = (
                f"key derivation with {self.memory_kib} KiB, {self.passes} passes, {self.lanes} lanes"
                f" is outside the limits ({MIN_MEMORY_KIB} to {MAX_MEMORY_KIB} KiB, 1 to {MAX_PASSES} passes,"
                f" at most {MAX_WORK_KIB} KiB times passes)"
            )
            raise LimitError(msg)


@dataclass(frozen=True, slots=True)
class Slot:
    """A key slot; `fields` are kept as read so that a slot of an unknown type survives a rewrite."""

    fields: dict[str, Value]

    @property
    def type(self) -> str:
        """Return `password`, `recovery` or the name of a type that this version does not know."""
        return str(self.fields["type"])

    @property
    def cost(self) -> Argon2Cost | None:
        """Return the cost of a password slot, None for the others."""
        match self.fields.get("kdf"):
            case {"lanes": int(lanes), "memory_kib": int(memory_kib), "passes": int(passes)}:
                return Argon2Cost(memory_kib, passes, lanes)
        return None

    @property
    def label(self) -> str:
        """Return the words a person gave to the slot."""
        return str(self.fields.get("label", ""))

    def unwrap(self, secret: bytes, immutable: bytes) -> bytes:
        """Unwrap the master key with the slot's secret (password bytes or recovery key).

        Costs what `cost` says; it was checked when the slot was parsed.
        Raises: WrongSecretError by the commitment alone; HeaderDamageError if the right secret does not open
        the slot (F-16).
        """
        keys = _derive(secret, self._bytes("salt"), self.cost)
        if not equal(keys.commitment, self._bytes("commitment")):
            raise WrongSecretError
        try:
            return Gcm(keys.kek).open(self._bytes("nonce") + self._bytes("wrapped"), immutable)
        except AuthenticationError:
            msg = "a key slot accepts the secret but does not open: it is damaged"
            raise HeaderDamageError(msg) from None

    def _bytes(self, key: str) -> bytes:
        value = self.fields[key]
        if not isinstance(value, bytes):
            raise TypeError(key)
        return value


@dataclass(frozen=True, slots=True)
class _SlotKeys:
    kek: bytes
    commitment: bytes


def wrap_master_key(
    master_key: bytes, secret: bytes, *, immutable: bytes, fresh: bytes, cost: Argon2Cost | None
) -> Slot:
    """Make a slot: a password slot with a `cost`, a recovery slot without.

    Sizes: `fresh` is `FRESH_SIZE` random bytes, for salt and nonce (F-18).
    Raises: LimitError for a cost outside the caps.
    """
    if cost is not None:
        cost.check()
    salt, nonce = fresh[:SALT_SIZE], fresh[SALT_SIZE:]
    keys = _derive(secret, salt, cost)
    kdf: dict[str, Value] = {"name": "hkdf-sha256"}
    if cost is not None:
        kdf = {"lanes": cost.lanes, "memory_kib": cost.memory_kib, "name": "argon2id", "passes": cost.passes}
    sealed = Gcm(keys.kek).seal(master_key, immutable, nonce)
    return Slot(
        {
            "commitment": keys.commitment,
            "kdf": kdf,
            "label": "",
            "nonce": nonce,
            "salt": salt,
            "type": RECOVERY if cost is None else PASSWORD,
            "wrapped": sealed[len(nonce) :],
        }
    )


def parse_slot(fields: Value) -> Slot:
    """Check the fields of one slot; unknown types are kept unchecked.

    Raises: MalformedError, LimitError (F-15).
    """
    kind = fields.get("type") if isinstance(fields, dict) else None
    if not isinstance(fields, dict) or not isinstance(kind, str):
        msg = "key slot has no type"
        raise MalformedError(msg)
    return _parse_known(kind, fields) if kind in (PASSWORD, RECOVERY) else Slot(fields)


def _parse_known(kind: str, fields: dict[str, Value]) -> Slot:
    sizes_fit = all(isinstance(value := fields.get(key), bytes) and len(value) == size for key, size in _SIZES.items())
    kdf_fits = False
    match kind, fields.get("kdf"):
        case "password", {"lanes": int(), "memory_kib": int(), "name": "argon2id", "passes": int(), **rest}:
            kdf_fits = not rest
        case "recovery", {"name": "hkdf-sha256", **rest}:
            kdf_fits = not rest
    if fields.keys() != _KEYS or not sizes_fit or not kdf_fits or not isinstance(fields["label"], str):
        msg = f"key slot of type {kind} does not have the fields of its type"
        raise MalformedError(msg)
    slot = Slot(fields)
    if slot.cost is not None:
        slot.cost.check()
    return slot


def _derive(secret: bytes, salt: bytes, cost: Argon2Cost | None) -> _SlotKeys:
    ikm = secret
    if cost is not None:
        ikm = argon2id(secret, salt=salt, memory_kib=cost.memory_kib, passes=cost.passes, lanes=cost.lanes)
    return _SlotKeys(
        kek=hkdf(ikm, salt=salt, info=b"wafs1 slot kek", size=32),
        commitment=hkdf(ikm, salt=salt, info=b"wafs1 slot commitment", size=32),
    )
