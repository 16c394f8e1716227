"""Independent reader: opens wafs vaults by what docs/format.md says, sharing no code with wafs.

It is the ground truth of the vectors and of every vault that wafs writes: it checks each rule of
the page strictly, reads whole files into memory and never writes. It stands on pycryptodome,
msgpack, argon2-cffi and the standard library.
"""

from reader.problem import FormatProblem, ResultClass
from reader.vault import Entry, Foreign, Vault, open_vault

__all__ = ["Entry", "Foreign", "FormatProblem", "ResultClass", "Vault", "open_vault"]
