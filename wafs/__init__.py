"""wafs: an encrypted filesystem for WhatsApp backups."""

__version__ = "0.1.0"
