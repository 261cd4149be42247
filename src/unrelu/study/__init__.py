"""Many inputs, all layers: the records of a study, made, stored and read again."""
