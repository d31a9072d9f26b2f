"""Wire types, by area."""
