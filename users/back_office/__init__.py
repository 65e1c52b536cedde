"""The back office's account pages and parts of its lists of users. Nothing here registers a model."""
