"""The search for all inputs of a network with given features, and the proof that none is missing."""
