"""Django's PostgreSQL backend, with time limits for requests and prepared statements."""
