"""Whether cones `{ z : B z = 0, G z <= 0 }` are {0}: the question, proofs of either answer, and how they are found."""
