"""Numerical engines: linear and quadratic programs behind one adapter each."""
