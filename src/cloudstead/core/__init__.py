"""What a device cloud does; it knows no wire, no SQL and no sockets."""
