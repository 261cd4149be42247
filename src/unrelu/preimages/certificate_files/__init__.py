"""Certificates on disk: saved, loaded and verified in another process. Nothing here imports a solver."""
