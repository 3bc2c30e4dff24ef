"""Training of binary-weight networks: the only place with torch. `recipe` and `topology` read without it."""
