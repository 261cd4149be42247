"""The questions that a study asks, each with what it shows."""
