"""Stability of the inverse beyond one linear region: inverse Lipschitz constants and pairs that look alike."""
