"""Store: the ciphertext tree on some storage."""
