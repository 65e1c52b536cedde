"""Django's PostgreSQL backend with patience that ends: see ``base``."""
