"""Uniform samples of bounded polyhedra, and what tells how far to trust them."""
