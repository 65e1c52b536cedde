"""Migration of the earlier server's database, run by ``manage.py import_legacy``.

Frozen: the package has its own rules for values, and nothing but the command imports it.
"""
