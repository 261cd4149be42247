"""The demo: the paper's dense networks, their training, and the whole path from pictures to a report."""
