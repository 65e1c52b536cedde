"""The managers' reports: activities, sources, stages and response times, as a page and as CSV files."""
