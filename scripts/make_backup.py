#!/usr/bin/env python3
"""Make a made-up WhatsApp backup: no real data, the same bytes for the same seed.

The Android layout is written into OUT itself, as it comes off a phone:

    OUT/msgstore.db  OUT/wa.db  OUT/WhatsApp/Media/WhatsApp Images/...

With --ios an iOS backup is written into OUT/ios-backup as well, with --encrypted what a phone and a cloud drive have
encrypted: .crypt12, .crypt14, .crypt15 and .mcrypt1 files, and the keys to them in OUT/keys.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from sample_backup.android import write_android
from sample_backup.encrypted_files import write_encrypted
from sample_backup.ios import write_ios
from sample_backup.plan import Options, make_plan


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    default = Options()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT", help="a folder that is empty or new")
    for name, words in (
        ("messages", "how many messages"),
        ("media_files", "how many of them carry a media file"),
        ("media_bytes", "size of all media together, about"),
        ("contacts", "how many people"),
        ("seed", "another number makes another backup"),
    ):
        option = f"--{name.replace('_', '-')}"
        value = getattr(default, name)
        help_text = f"{words} (default {value})"
        parser.add_argument(option, type=int, default=value, metavar="N", help=help_text)
    parser.add_argument("--ios", action="store_true", help="write an iOS backup too")
    parser.add_argument("--encrypted", action="store_true", help="write encrypted backups and their keys too")
    return parser


def main() -> int:
    """Make the backup that the command line asks for."""
    parsed = vars(arguments().parse_args())
    out, ios, with_encrypted = (parsed.pop(name) for name in ("out", "ios", "encrypted"))
    options = Options(**parsed)
    if out.exists() and any(out.iterdir()):
        print(f"make_backup: {out} is not empty: name an empty or a new folder", file=sys.stderr)
        return 2
    if min(options.messages, options.contacts) < 1:
        print("make_backup: at least one message and one contact are needed", file=sys.stderr)
        return 2
    plan = make_plan(options)
    write_android(plan, out)
    if with_encrypted:
        write_encrypted(out, seed=str(options.seed))
    if ios:
        newest_ns = out.stat().st_mtime_ns
        write_ios(plan, out / "ios-backup")
        os.utime(out, ns=(newest_ns, newest_ns))
    sizes = [message.media.size for message in plan.messages if message.media]
    print(f"{len(plan.messages)} messages, {len(sizes)} media files, {sum(sizes)} bytes of media")
    return 0


if __name__ == "__main__":
    sys.exit(main())
