"""What stands between the accelerator core and the world: one shell per kind of connection."""
