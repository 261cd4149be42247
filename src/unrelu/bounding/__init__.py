"""Proved bounds of what a network gives on a box of inputs."""
