"""The paper, reproduced: its networks, figures and claims, on the public interface of `unrelu`.

    python -m paper NAME [--quick] [--epochs N] [--folder DIR]

Behrmann, Dittmer, Fernsel, Maass: Analysis of Invariance and Robustness via Invertibility of ReLU-Networks (2018).
"""
