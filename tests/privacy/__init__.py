"""A person can be shown, found and forgotten; what is forgotten is nowhere, and no figure depends on it."""
