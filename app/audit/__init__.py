"""The append-only record of who did what, hash-chained per workspace."""
