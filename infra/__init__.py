"""Everything that touches a clock, a disk, a terminal or a socket: thin, and without a business rule."""
