"""Personal data: sealed under a key for each person, found, handed out and forgotten."""
