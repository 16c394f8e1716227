"""Key store: whether the keys that a vault keeps still open (format.md section 11)."""

from collections.abc import Iterator

from wafs.check.findings import Finding, Kind
from wafs.check.opening import Patient
from wafs.errors import DamageError, UnsupportedFormatError
from wafs.vault.key_store_file import KEY_STORE_NAME, KeyStoreFile


def check_key_store(patient: Patient) -> Iterator[Finding]:
    """Open the key store, if there is one."""
    entry = KEY_STORE_NAME.encode()
    vault_id = patient.key.header.parameters.vault_id
    try:
        KeyStoreFile(patient.path, patient.keyring.key_store, vault_id).read()
    except UnsupportedFormatError as error:
        yield Finding(Kind.KEY_STORE_NEWER, str(error), entry=entry)
    except DamageError as error:
        yield Finding(Kind.KEY_STORE_DAMAGED, f"the keys that the vault keeps do not open: {error}", entry=entry)
    except OSError as error:
        yield Finding(Kind.UNREADABLE, f"the storage does not give it: {error.strerror}", entry=entry)
