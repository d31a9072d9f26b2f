"""The commit log: append, group commit, read from an offset, segments, recovery."""
