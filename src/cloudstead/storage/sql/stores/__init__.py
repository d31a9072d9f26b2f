"""The stores, one for each feature; each fulfils the port of its feature in ``core``."""
