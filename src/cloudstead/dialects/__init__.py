"""The published APIs that cloudstead speaks, one package each; they never import one another."""
