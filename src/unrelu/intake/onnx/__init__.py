"""Intake of ONNX files, read straight into our graph."""

from unrelu.intake.onnx.intake import network_from_onnx

__all__ = ["network_from_onnx"]
