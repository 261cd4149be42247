"""Sub-problems of a search with proofs, and the tree that it leaves behind."""
