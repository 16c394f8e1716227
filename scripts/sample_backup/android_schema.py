"""Android schema: the tables and columns of msgstore.db and wa.db that export tools read."""

from typing import Final

MSGSTORE: Final = """
CREATE TABLE jid (_id INTEGER PRIMARY KEY, user TEXT, server TEXT, type INTEGER, raw_string TEXT);
CREATE TABLE jid_map (lid_row_id INTEGER PRIMARY KEY, jid_row_id INTEGER);
CREATE TABLE chat (_id INTEGER PRIMARY KEY, jid_row_id INTEGER, hidden INTEGER, subject TEXT);
CREATE TABLE message (
    _id INTEGER PRIMARY KEY, chat_row_id INTEGER, from_me INTEGER, key_id TEXT,
    sender_jid_row_id INTEGER, status INTEGER, broadcast INTEGER, timestamp INTEGER,
    received_timestamp INTEGER, message_type INTEGER, text_data TEXT, starred INTEGER,
    sort_id INTEGER
);
CREATE INDEX message_by_chat ON message (chat_row_id, sort_id);
CREATE TABLE message_future (message_row_id INTEGER PRIMARY KEY, version INTEGER);
CREATE TABLE message_thumbnail (message_row_id INTEGER PRIMARY KEY, thumbnail BLOB);
CREATE TABLE message_media (
    message_row_id INTEGER PRIMARY KEY, chat_row_id INTEGER, file_path TEXT, message_url TEXT,
    mime_type TEXT, media_key BLOB, file_hash TEXT, file_size INTEGER, media_name TEXT,
    raw_transcription_text TEXT
);
CREATE TABLE media_hash_thumbnail (media_hash TEXT PRIMARY KEY, thumbnail BLOB);
CREATE TABLE message_location (
    message_row_id INTEGER PRIMARY KEY, latitude REAL, longitude REAL
);
CREATE TABLE message_quoted (message_row_id INTEGER PRIMARY KEY, key_id TEXT, text_data TEXT);
CREATE TABLE missed_call_logs (
    _id INTEGER PRIMARY KEY, message_row_id INTEGER, video_call INTEGER
);
CREATE TABLE message_system (message_row_id INTEGER PRIMARY KEY, action_type INTEGER);
CREATE TABLE message_system_group (message_row_id INTEGER PRIMARY KEY, is_me_joined INTEGER);
CREATE TABLE message_system_number_change (
    message_row_id INTEGER PRIMARY KEY, old_jid_row_id INTEGER, new_jid_row_id INTEGER
);
CREATE TABLE receipt_user (
    _id INTEGER PRIMARY KEY, message_row_id INTEGER, receipt_timestamp INTEGER,
    read_timestamp INTEGER, played_timestamp INTEGER
);
CREATE TABLE message_vcard (_id INTEGER PRIMARY KEY, message_row_id INTEGER, vcard TEXT);
CREATE TABLE message_add_on (
    _id INTEGER PRIMARY KEY, chat_row_id INTEGER, from_me INTEGER, sender_jid_row_id INTEGER,
    parent_message_row_id INTEGER, timestamp INTEGER, message_add_on_type INTEGER
);
CREATE TABLE message_add_on_reaction (
    message_add_on_row_id INTEGER PRIMARY KEY, reaction TEXT, sender_timestamp INTEGER
);
CREATE TABLE call_log (
    _id INTEGER PRIMARY KEY, jid_row_id INTEGER, from_me INTEGER, call_id TEXT, timestamp INTEGER,
    video_call INTEGER, duration INTEGER, call_result INTEGER, bytes_transferred INTEGER
);
"""

CONTACTS: Final = """
CREATE TABLE wa_contacts (
    _id INTEGER PRIMARY KEY, jid TEXT, display_name TEXT, wa_name TEXT, status TEXT, number TEXT
);
"""

JID_PERSON: Final = 0
JID_GROUP: Final = 1
JID_HIDDEN: Final = 18
"""A person's second address ("LID"), which databases since 2024 map to the number."""

TYPE_TEXT: Final = 0
TYPE_CONTACT_CARD: Final = 4
STATUS_READ: Final = 13
ADD_ON_REACTION: Final = 56
CALL_ANSWERED: Final = 5
