"""The adapters for every port of core: SQL, observations, objects."""
