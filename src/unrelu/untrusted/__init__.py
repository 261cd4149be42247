"""Files that others made: read within bounds, and shown so that they cannot pretend to be something else."""
