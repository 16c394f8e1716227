"""Fs: inodes, handles and locks over an open vault; POSIX meaning, no FUSE."""
