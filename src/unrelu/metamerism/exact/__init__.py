"""Metamers whose distance is proved to be the best, or nearly: dual bounds and branching on units."""
