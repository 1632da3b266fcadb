"""Running the service: what it logs, whether it is well, what it counts, and how it is backed up and restored."""
