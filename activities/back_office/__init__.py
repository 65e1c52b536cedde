"""Parts of the back office's pages of activities. Nothing here registers a model: ``activities/admin.py`` does."""
