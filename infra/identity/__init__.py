"""Who asks, and what they may: callers, their roles, the policy of every operation, keys and tokens."""
