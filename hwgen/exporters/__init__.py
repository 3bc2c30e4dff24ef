"""Exporters: a `Network` as a file that other tools read."""
