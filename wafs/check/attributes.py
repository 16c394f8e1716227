"""Attributes: the extended attributes of a file or folder, names and values (format.md section 8)."""

from wafs.check.findings import Finding, Kind
from wafs.check.opening import Patient
from wafs.errors import DamageError
from wafs.format.xattr import STORED_PREFIX, open_xattr_name, open_xattr_value
from wafs.store.base import Handle


def check_xattrs(patient: Patient, folder: Handle, entry: bytes, object_id: bytes) -> list[Finding]:
    """Open all attributes of an entry that are ours; the findings have no path yet.

    A storage that has none, or does not give them, is no finding.
    """
    try:
        stored = [name for name in patient.store.listxattr(folder, entry) if name.startswith(STORED_PREFIX)]
    except OSError:
        return []
    bad = sum(not _opens(patient, folder, entry, object_id, name) for name in stored)
    if not bad:
        return []
    message = f"{bad} of {len(stored)} extended attributes do not open"
    return [Finding(Kind.XATTR_DAMAGED, message)]


def _opens(patient: Patient, folder: Handle, entry: bytes, object_id: bytes, name: bytes) -> bool:
    keys = patient.keyring
    try:
        open_xattr_name(keys.xattr_names, object_id, name)
        open_xattr_value(keys.xattr_values, object_id, name, patient.store.getxattr(folder, entry, name))
    except DamageError:
        return False
    except OSError:
        # Removed since it was listed, or not ours to read.
        return True
    return True
