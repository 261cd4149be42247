"""Statements about the exact numbers: rounding bounds, exact signs, proved singular value bounds. No solver."""
