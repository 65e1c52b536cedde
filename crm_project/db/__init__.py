"""Database code beyond Django's: time limits, explicit SQL, bulk writes, append-only tables, migration operations."""
