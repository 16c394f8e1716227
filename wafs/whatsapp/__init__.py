"""WhatsApp: what WhatsApp writes on phones and in clouds. Knows no FUSE, no mount and no terminal."""
