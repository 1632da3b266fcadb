"""Ways in from other systems: each format reads its own files into records, one runner carries them to the log."""
