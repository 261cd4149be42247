"""A model as a graph of affine maps and ReLUs, and its intakes."""
