"""Contacts: the names that the owner of an Android phone gave to people, from wa.db."""

from collections.abc import Mapping
from typing import Final

from wafs.whatsapp.database import Database

Names = Mapping[bytes, str]
"""Names by address, such as `15550100001@s.whatsapp.net`."""

NO_NAMES: Final[Names] = {}
CONTACTS: Final = b"wa.db"

_NAMES_MOST: Final = 100_000
_NAME_MOST: Final = 200


def contact_names(db: Database) -> Names:
    """Return the names in a database of contacts, none if it is made otherwise.

    Raises: as `Database`.
    """
    if not db.columns("wa_contacts") >= {"jid", "display_name"}:
        return NO_NAMES
    jid, name = (f"substr(CAST({column} AS BLOB), 1, {_NAME_MOST})" for column in ("jid", "display_name"))
    query = f"SELECT {jid}, {name} FROM wa_contacts WHERE display_name IS NOT NULL LIMIT {_NAMES_MOST}"
    found = {}
    for address, shown in db.rows(query):
        address_text, shown_text = db.text(address), db.text(shown)
        if address_text and shown_text:
            found[address_text] = shown_text.decode("utf-8", "replace")
    return found
