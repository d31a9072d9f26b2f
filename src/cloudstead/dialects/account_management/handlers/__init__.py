"""One function for each operation: one core call in one unit of work."""
