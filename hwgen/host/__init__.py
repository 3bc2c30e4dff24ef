"""The host's side of a board: the protocol and the driver."""
