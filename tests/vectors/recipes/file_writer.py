"""File writer: ciphertext files, piece by piece, so that any piece can be a wrong one."""

import dataclasses

from Crypto.Cipher import AES

from vectors.loader import Vector
from vectors.recipes.recipe import Keys, recipe
from vectors.recipes.seal import Dice, gcm

CHUNK = 4096
SEALED_CHUNK = CHUNK + 28
IN_FLIGHT, SPARSE, ROOT = 1, 2, 4


@dataclasses.dataclass(frozen=True, slots=True)
class FileWriter:
    """Writes one file; ``label`` tells the files of one vault apart."""

    dice: Dice
    keys: Keys
    label: str = "file"

    @classmethod
    def of(cls, name: str) -> "FileWriter":
        """Roll the keys of the vector of this name."""
        dice = Dice(name)
        return cls(dice, Keys.rolled(dice))

    @property
    def file_id(self) -> bytes:
        """The file's id."""
        return self.dice.roll(f"{self.label} id", 16)

    @property
    def file_key(self) -> bytes:
        """The file's key."""
        return self.dice.roll(f"{self.label} key", 32)

    def plain(self, size: int) -> bytes:
        """Plain bytes of a size; a shorter one is the beginning of a longer one."""
        return self.dice.roll(f"{self.label} plain", size)

    def record(self, *, version: int = 1) -> bytes:
        """The first 96 bytes."""
        front = b"\x94\xa4wafs" + bytes([version]) + b"\xc4\x10" + self.file_id
        nonce = self.dice.roll(f"{self.label} wrap nonce", 12)
        wrapped = nonce + gcm(self.keys.subkey("file keys", 32), nonce, self.file_key, front)
        return front + b"\xc4\x3c" + wrapped + bytes(9)

    def state(
        self,
        slot: int,
        size: int,
        *,
        counter: int | None = None,
        flags: int = 0,
        root: bytes = bytes(16),
        epoch: bytes = bytes(8),
        durable: int = 0,
    ) -> bytes:
        """One sealed state; its counter is the slot's number if none is given."""
        number = slot if counter is None else counter
        fields = (size.to_bytes(8), number.to_bytes(8), flags.to_bytes(4), root, epoch + durable.to_bytes(8))
        nonce = self.dice.roll(f"{self.label} state {fields}", 12)
        aad = b"wafs1 state" + bytes([slot])
        return nonce + gcm(self.file_key, nonce, b"".join(fields), aad)

    def chunk(self, number: int, payload: bytes, *, take: int = 0) -> bytes:
        """One sealed chunk; another take is the same chunk sealed at another time."""
        nonce = self.dice.roll(f"{self.label} chunk {number} take {take}", 12)
        return nonce + gcm(self.file_key, nonce, payload, number.to_bytes(8))

    def chunks(self, plain: bytes, size: int = CHUNK) -> list[bytes]:
        """All chunks of the plain bytes."""
        pieces = [plain[at : at + size] for at in range(0, len(plain), size)]
        return [self.chunk(number, piece) for number, piece in enumerate(pieces)]

    def root(self, chunks: list[bytes]) -> bytes:
        """The root of chunks; one that is all zero is a hole."""
        prf = AES.new(self.keys.subkey("root", 32), AES.MODE_ECB)
        total = bytes(16)
        for chunk in chunks:
            if chunk.strip(b"\0"):
                one = prf.encrypt(chunk[-16:])
                total = bytes(a ^ b for a, b in zip(total, one, strict=True))
        return total

    def file(self, size: int, chunks: list[bytes], *, flags: int = 0, root: bytes = bytes(16)) -> bytes:
        """A file whose current state stands in slot 1, above one of an empty file."""
        states = self.state(0, 0) + self.state(1, size, flags=flags, root=root)
        return self.record() + states + b"".join(chunks)

    def whole(self, plain: bytes) -> bytes:
        """A good file."""
        return self.file(len(plain), self.chunks(plain))

    def good(
        self,
        name: str,
        rule: str,
        comment: str,
        data: bytes,
        plain: bytes,
        *,
        chunk_size: int = CHUNK,
    ) -> Vector:
        """Make a vector that opens."""
        inputs = self.keys.inputs(chunk_size=chunk_size)
        full = f"file-ok-{name}"
        return recipe(full, rule, comment, data, kind="file", plain=plain, inputs=inputs)

    def bad(self, name: str, rule: str, expect: str, comment: str, data: bytes) -> Vector:
        """Make a vector that does not open."""
        inputs = self.keys.inputs(chunk_size=CHUNK)
        full = f"file-{name}"
        return recipe(full, rule, comment, data, kind="file", expect=expect, inputs=inputs)
