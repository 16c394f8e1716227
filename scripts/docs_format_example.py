"""Write the worked example of docs/format.md: every input fixed, so that the page can be checked against any code."""

import sys
from itertools import pairwise
from pathlib import Path

from wafs.crypto.aead import Gcm
from wafs.crypto.siv import Siv
from wafs.format.directory import Place, implied_dir_id
from wafs.format.file_header import STATE_OFFSETS, FileSecrets, seal_file_header
from wafs.format.name import seal_name
from wafs.format.state import IN_FLIGHT, STATE_SLOT_SIZE, State, seal_state
from wafs.format.subkeys import derive_subkey
from wafs.units import ROOT_DIR_ID, FileId

PAGE = Path(__file__).parent.parent / "docs" / "format.md"
BEGIN, END = "<!-- example -->\n", "<!-- end of example -->\n"


def counting(first: int, size: int) -> bytes:
    """Return `size` bytes that count up from `first`."""
    return bytes((first + i) % 256 for i in range(size))


def dump(data: bytes, marks: dict[int, str]) -> list[str]:
    """Return lines of hex, a new line at each mark."""
    starts = sorted({*marks, len(data)})
    lines = []
    for start, end in pairwise(starts):
        for at in range(start, end, 32):
            text = data[at : min(at + 32, end)].hex()
            lines.append(f"    {at:4d}  {text:64s}  {marks[at] if at == start else ''}".rstrip())
    return lines


def example() -> str:
    """Return the text of the section."""
    master_key, vault_id = counting(0x00, 32), counting(0xA0, 16)
    secrets = FileSecrets(
        FileId(counting(0xB0, 16)),
        counting(0x40, 32),
        counting(0x01, 12),
        (counting(0x11, 12), counting(0x21, 12)),
    )
    wrap_key = derive_subkey(master_key, vault_id, "file keys")
    cipher = Gcm(secrets.file_key)
    file = bytearray(seal_file_header(Gcm(wrap_key), cipher, secrets, flags=IN_FLIGHT))
    sealed = State(5, 2, 0)
    at = STATE_OFFSETS[0]
    file[at : at + STATE_SLOT_SIZE] = seal_state(cipher, sealed, counting(0x31, 12))
    file += cipher.seal(b"hello", bytes(8), counting(0x51, 12))
    names_key = derive_subkey(master_key, vault_id, "names")
    name = seal_name(Siv(names_key), ROOT_DIR_ID, b"chat.txt").entry.decode()
    ids_key = derive_subkey(master_key, vault_id, "directory ids")
    child = implied_dir_id(ids_key, Place(ROOT_DIR_ID, b"Media"))
    marks = {
        0: 'record: mark, "wafs", version, mark',
        9: "file id",
        25: "mark, then nonce of the wrapped key",
        39: "wrapped file key, tag",
        87: "zero",
        96: "state slot 0: nonce",
        108: "sealed state: size 5, counter 2, no flags",
        176: "state slot 1: nonce",
        188: "sealed state: size 0, counter 1, IN_FLIGHT",
        256: "chunk 0: nonce",
        268: '"hello", tag',
    }
    return "\n".join(
        [
            f"Master key `{master_key.hex()}`, vault id `{vault_id.hex()}`.",
            "",
            f"- subkey `file keys` = `{wrap_key.hex()}`",
            f"- subkey `names` = `{names_key[:32].hex()}`",
            f"  `{names_key[32:].hex()}`",
            f"- subkey `directory ids` = `{ids_key.hex()}`",
            f"- the entry `chat.txt` in the root: `{name}`",
            f"- the id of a directory `Media` in the root: `{child.hex()}`",
            "",
            f"A file of 5 bytes, `hello`, with the file key `{secrets.file_key.hex()}` (289 bytes, decimal offsets):",
            "",
            *dump(bytes(file), marks),
            "",
        ]
    )


def with_example(page: str) -> str:
    """Return the page with the example put in."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + example() + END + after


def main() -> None:
    """Write the page; with --check only compare."""
    page = PAGE.read_text()
    wanted = with_example(page)
    if "--check" in sys.argv:
        sys.exit(0 if wanted == page else f"{PAGE.name} is not up to date: run {Path(__file__).name}")
    PAGE.write_text(wanted)


if __name__ == "__main__":
    main()
