"""Intake of ONNX files, read straight into our graph."""

from unrelu.intake.onnx.intake import example_for, network_from_onnx, survey_onnx

__all__ = ["example_for", "network_from_onnx", "survey_onnx"]
