"""Parts of the back office's pages of leads. Nothing here registers a model: ``leads/admin.py`` does."""
