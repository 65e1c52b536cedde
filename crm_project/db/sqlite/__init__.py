"""Django's SQLite backend, with a limit on all waits for locks of a request."""
