"""Metamers: inputs that a person tells apart and the network does not."""
