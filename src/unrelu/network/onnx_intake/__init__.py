"""Intake of ONNX files, read straight into our graph."""

from unrelu.network.onnx_intake.intake import network_from_onnx

__all__ = ["network_from_onnx"]
