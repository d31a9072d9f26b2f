"""Wire types of device clouds."""
