"""Intake of Keras 3 models whose back end is PyTorch."""

from unrelu.intake.keras.intake import network_from_keras, survey_keras

__all__ = ["network_from_keras", "survey_keras"]
