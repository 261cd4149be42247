"""Rational arithmetic: systems, cones and ranks decided exactly, with no rounding anywhere."""
