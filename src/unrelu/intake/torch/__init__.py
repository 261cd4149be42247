"""Intake of PyTorch modules through `torch.export`."""

from unrelu.intake.torch.intake import network_from_torch, survey_torch

__all__ = ["network_from_torch", "survey_torch"]
