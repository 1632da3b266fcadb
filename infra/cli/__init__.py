"""The command line: `dealtrail VERB …`, with exit codes 0 ok, 1 failure, 2 malformed, 3 not found, 4 rejected."""
