"""Where the parts of studies are kept."""
