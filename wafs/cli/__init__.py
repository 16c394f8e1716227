"""The command line: words for people, and exit codes for programs."""
