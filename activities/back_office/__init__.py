"""The lead's page in the back office, where leads and activities meet."""
