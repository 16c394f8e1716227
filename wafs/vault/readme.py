"""Readme: the words that lie in every vault, for whoever finds it."""

from typing import Final

README_NAME: Final = "README-wafs.txt"

README_TEXT: Final = """\
This folder is a wafs vault: encrypted files that only a password or a recovery key opens.

  wafs.vault        the keys of the vault, themselves locked by the password and the recovery key
  wafs.vault.copy   a second copy of it; either one is enough
  wafs.keys         only if you put keys of encrypted backups into it: these keys, locked as the files are
  tree/             the encrypted files and folders

How to open it
  Install wafs (a Python program for Linux) and run
      wafs mount  THIS-FOLDER  SOME-EMPTY-FOLDER
  or, without mounting,
      wafs get  THIS-FOLDER  /  DESTINATION

What to know
  - Do not rename, move or edit anything in here by hand. Copying the whole folder is fine, and so is a cloud drive.
  - Keep wafs.vault safe. Without it (and its copy) nobody can open the files, not even with the password.
  - Forgotten password? If a recovery key was kept:  wafs passwd THIS-FOLDER --recovery-file FILE
  - There is no back door. Without the password and without the recovery key the files cannot be read.

Without wafs
  The format is documented in full (docs/format.md in the source of wafs): AES-256-GCM, AES-SIV, Argon2id,
  HKDF and msgpack.
  A reader can be written from that page alone, in any language, in some three hundred lines.
"""
