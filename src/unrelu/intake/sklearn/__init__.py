"""Intake of scikit-learn's neural networks, with the scalers before and behind them."""

from unrelu.intake.sklearn.intake import network_from_sklearn

__all__ = ["network_from_sklearn"]
