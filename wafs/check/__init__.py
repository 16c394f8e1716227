"""Check: what is wrong with a vault, what of it can be mended, and what can be saved."""
