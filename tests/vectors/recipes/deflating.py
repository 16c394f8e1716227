"""Deflating: streams of RFC 1951 made bit by bit, so that they are the same with every version of zlib."""

import dataclasses

LONGEST_MATCH = 258
_MATCH_OF_258 = 285


@dataclasses.dataclass(slots=True)
class FixedBlock:
    """One block with fixed Huffman codes (RFC 1951 section 3.2.6)."""

    bits: list[int] = dataclasses.field(default_factory=list)

    @classmethod
    def begun(cls, *, last: bool = True) -> "FixedBlock":
        """Begin a block; the type 01 is written from its low bit on."""
        return cls([int(last), 1, 0])

    def put(self, symbol: int) -> None:
        """Write a literal (0 to 255), the end (256) or a match (280 to 287); codes go from the high bit on."""
        if symbol < 144:
            code, width = 0x30 + symbol, 8
        elif symbol < 256:
            code, width = 0x190 + symbol - 144, 9
        elif symbol < 280:
            code, width = symbol - 256, 7
        else:
            code, width = 0xC0 + symbol - 280, 8
        self.bits += [code >> at & 1 for at in reversed(range(width))]

    def put_match(self, distance: int) -> None:
        """Repeat 258 bytes from 1 to 4 bytes back."""
        self.put(_MATCH_OF_258)
        self.bits += [distance - 1 >> at & 1 for at in reversed(range(5))]

    def made(self) -> bytes:
        """Give the bytes; each is filled from its low bit on."""
        parts = [self.bits[at : at + 8] for at in range(0, len(self.bits), 8)]
        return bytes(sum(bit << place for place, bit in enumerate(part)) for part in parts)


def repeated(unit: bytes, size: int, *, last: bool = True) -> bytes:
    """Deflate `size` bytes that repeat a unit of 1 to 4 bytes."""
    block = FixedBlock.begun(last=last)
    matches = (size - len(unit)) // LONGEST_MATCH
    for byte in unit:
        block.put(byte)
    for _ in range(matches):
        block.put_match(len(unit))
    whole = unit * (size // len(unit) + 1)
    for byte in whole[len(unit) + matches * LONGEST_MATCH : size]:
        block.put(byte)
    block.put(256)
    return block.made()


def stored(data: bytes) -> bytes:
    """Put data into one stored block, the last one."""
    size = len(data).to_bytes(2, "little")
    return b"\1" + size + bytes(byte ^ 0xFF for byte in size) + data
