"""Which inputs give a wanted output: all of them, proved."""
