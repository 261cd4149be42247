"""Volumes of polyhedra relative to their affine hulls."""
