"""Primitives: HKDF, GCM, SIV, BLAKE2b and base64url as format.md section 1 names them."""

import base64
import binascii
import hashlib
import hmac
import string

from Crypto.Cipher import AES

from reader.problem import demand, refuse

NONCE_SIZE = 12
TAG_SIZE = 16
SEAL_OVERHEAD = NONCE_SIZE + TAG_SIZE
ZERO_ID = bytes(16)
B85_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~"


def hkdf(ikm: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    """Derive size bytes by HKDF-SHA256 (RFC 5869)."""
    pseudo_random_key = hmac.digest(salt, ikm, "sha256")
    output = block = b""
    counter = 0
    while len(output) < size:
        counter += 1
        block = hmac.digest(pseudo_random_key, block + info + bytes([counter]), "sha256")
        output += block
    return output[:size]


def gcm_open(key: bytes, sealed: bytes, aad: bytes) -> bytes | None:
    """Open nonce || ciphertext || tag; None if it does not verify or is too short for it."""
    if len(sealed) < SEAL_OVERHEAD:
        return None
    nonce, body, tag = sealed[:NONCE_SIZE], sealed[NONCE_SIZE:-TAG_SIZE], sealed[-TAG_SIZE:]
    cipher = AES.new(key, AES.MODE_GCM, nonce=nonce, mac_len=TAG_SIZE)
    cipher.update(aad)
    try:
        return cipher.decrypt_and_verify(body, tag)
    except ValueError:
        return None


def siv_open(key: bytes, sealed: bytes, *aad: bytes) -> bytes | None:
    """Open synthetic IV || ciphertext; None if it does not verify or is too short for it."""
    if len(sealed) < TAG_SIZE:
        return None
    cipher = AES.new(key, AES.MODE_SIV)
    for item in aad:
        cipher.update(item)
    try:
        return cipher.decrypt_and_verify(sealed[TAG_SIZE:], sealed[:TAG_SIZE])
    except ValueError:
        return None


def siv_seal(key: bytes, plain: bytes, *aad: bytes) -> bytes:
    """Seal deterministically: synthetic IV || ciphertext."""
    cipher = AES.new(key, AES.MODE_SIV)
    for item in aad:
        cipher.update(item)
    ciphertext, synthetic_iv = cipher.encrypt_and_digest(plain)
    return synthetic_iv + ciphertext


def keyed_hash(key: bytes, size: int, data: bytes) -> bytes:
    """BLAKE2b(key, size, data) (RFC 7693)."""
    return hashlib.blake2b(data, key=key, digest_size=size).digest()


def b64_encode(data: bytes) -> bytes:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def b64_decode(text: bytes) -> bytes:
    """Decode exactly what the encoder makes, and nothing else (F-01, malformed)."""
    try:
        data = base64.b64decode(text + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error as error:
        refuse("malformed", "F-01", f"base64url: {error}")
    demand(b64_encode(data) == text, "malformed", "F-01", "base64url is not canonical")
    return data


def b85_blocks(text: bytes) -> bytes:
    """Decode base85 of blocks of 16 bytes, 20 characters each (F-64, malformed)."""
    demand(len(text) % 20 == 0, "malformed", "F-64", "base85 of no whole blocks")
    data = b""
    for at in range(0, len(text), 5):
        value = 0
        for character in text[at : at + 5]:
            digit = B85_ALPHABET.find(chr(character))
            demand(digit >= 0, "malformed", "F-64", "character that base85 does not use")
            value = value * 85 + digit
        demand(value < 1 << 32, "malformed", "F-64", "group of base85 that is too large")
        data += value.to_bytes(4)
    return data


def zero_padded(data: bytes) -> bytes:
    """Fill with zeros up to a multiple of 16; nothing is added where it is one."""
    return data + bytes(-len(data) % 16)
