"""The account pages of the back office, and parts of the pages of users. Nothing here registers a model."""
