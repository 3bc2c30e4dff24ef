"""Hardware modules in Amaranth."""
