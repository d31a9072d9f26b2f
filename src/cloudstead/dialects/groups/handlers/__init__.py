"""One function for each operation, by area."""
