"""From hardware modules to files: Verilog, netlists and bitstreams, with tools that pip installs."""
