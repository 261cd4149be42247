"""What theory says about singular values when a ReLU removes rows."""
