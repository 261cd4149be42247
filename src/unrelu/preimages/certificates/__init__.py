"""Proofs about members of sets, and the checker of each. Nothing here calls a solver."""
