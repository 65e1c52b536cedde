"""Files for Django's storage API, in the database or in an object storage: every machine has the same ones."""
