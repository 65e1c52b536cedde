"""Files as offices have them, and what an import makes of each: a table that runs by the command and by the page."""
