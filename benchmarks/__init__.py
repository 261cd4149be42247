"""Measurements against peers, in one run, with JSON results."""
