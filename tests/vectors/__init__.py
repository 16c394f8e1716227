"""Test vectors of the vault format: files in ``data``, their loader and the writer of them."""
