"""What runs and looks after the server."""
