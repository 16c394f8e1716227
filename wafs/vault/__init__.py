"""Vault: keys, file contents, directories and the lock of one vault; knows nothing of FUSE."""
