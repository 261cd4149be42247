"""The preimage of a layer: what it is, with proofs."""
