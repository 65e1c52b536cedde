"""Django's SQLite backend, whose waits for locks end when the request's time is over: see ``base``."""
