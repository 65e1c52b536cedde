"""The sample data of ``manage.py demo``: a year of an office with four agents."""
