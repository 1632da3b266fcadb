"""The pages: what the API knows, for people to look at and work with. Knows no HTTP server; `infra/http` mounts it."""
