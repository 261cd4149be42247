"""Whole preimages of prefixes, all of their pieces."""
