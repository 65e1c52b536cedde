"""Pages of the back office that reach across all apps."""
