"""Crypto: the only door to the cryptography library."""
