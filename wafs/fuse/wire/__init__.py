"""Wire: the FUSE kernel protocol as pure functions between bytes and values.

Version 7.31 to 7.45, native byte order. No input or output, no state, no policy: `requests`
turns what the kernel sent into values, `replies` turns values into what the kernel wants,
`abi` holds the layouts, `opcodes` and `flags` the numbers.
"""
