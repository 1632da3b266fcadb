"""The way in by HTTP: routes derived from commands, records and metrics, over the one door. Litestar stays in here."""
