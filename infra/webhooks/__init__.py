"""Webhooks: events of the log, posted to whoever subscribed to them, signed, in order, again until they are taken."""
