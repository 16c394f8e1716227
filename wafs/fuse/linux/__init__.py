"""Linux front-end: each request of the kernel answered by one function over a `Vfs`.

Protocol only: what a vault is as a filesystem is defined in `wafs.fs`.
"""
