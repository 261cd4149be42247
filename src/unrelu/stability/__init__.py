"""Stability of the inverse: activation pattern, exact linearization, spectrum."""
