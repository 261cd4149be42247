"""Intake of PyTorch modules through `torch.export`."""

from unrelu.network.torch_intake.intake import network_from_torch

__all__ = ["network_from_torch"]
