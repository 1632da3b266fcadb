"""The event log: one contract, two real databases, and every trap with the variant that falls into it."""
