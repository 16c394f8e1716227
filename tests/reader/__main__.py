"""Command line: lists what the independent reader finds in a vault."""

import argparse
import os
import sys

from reader import FormatProblem, open_vault


def main() -> int:
    """List the entries of a vault, one a line, then what is foreign; 1 if a rule is broken."""
    parser = argparse.ArgumentParser(prog="python -m reader")
    parser.add_argument("vault", help="the vault folder")
    parser.add_argument("--recovery-key", required=True, metavar="HEX", help="64 digits")
    wanted = parser.parse_args()
    out = sys.stdout
    try:
        vault = open_vault(wanted.vault, recovery_key=bytes.fromhex(wanted.recovery_key))
        for path, entry in sorted(vault.walk().items()):
            out.write(f"{entry.kind:8}{len(entry.content):>12}  {os.fsdecode(path)!r}\n")
    except FormatProblem as problem:
        out.write(f"{problem}\n")
        return 1
    for foreign in vault.foreign:
        out.write(f"foreign {os.fsdecode(foreign.path)!r}: {foreign.problem}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
