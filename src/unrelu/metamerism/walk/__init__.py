"""Walking along a preimage of any depth towards a target."""
