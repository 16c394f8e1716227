"""The demonstration: a backup goes into a vault, is used there, and comes out unchanged."""
