"""Prefixes of networks on the piece of a point, as rows of stored floats in the inputs and in what layers are fed."""
