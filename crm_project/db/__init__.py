"""What PostgreSQL and SQLite need beyond Django: see ``sql`` and ``deadline``."""
