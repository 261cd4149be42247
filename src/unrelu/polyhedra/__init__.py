"""Polyhedra: domains, nearest points, distances."""
