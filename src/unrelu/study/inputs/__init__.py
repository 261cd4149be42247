"""Inputs for a network, in every form that people have them."""
