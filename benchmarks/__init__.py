"""How fast the program is, beside others that do the same: ``python -m benchmarks``."""
