"""Spectra of Jacobians too large for a matrix: both ends, the density, convolutions by themselves."""
