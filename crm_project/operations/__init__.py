"""Running and maintaining the server."""
