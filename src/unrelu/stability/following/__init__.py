"""From linear region to linear region along a line."""
