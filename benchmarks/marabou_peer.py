"""Marabou on whether a pixel can move while features stay: a question on stdin, the answer on stdout.

It runs in an environment of its own, with maraboupy and nothing of this package.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from maraboupy import Marabou, MarabouCore, MarabouNetwork  # pyright: ignore[reportMissingImports]


def main() -> None:
    """Read, ask, and write what Marabou says."""
    asked = json.load(sys.stdin)
    network = MarabouNetwork.MarabouNetwork()
    x, y = np.array(asked["x"]), np.array(asked["y"])
    fed = [network.getNewVariable() for _ in x]
    for variable in fed:
        network.setLowerBound(variable, 0.0)
        network.setUpperBound(variable, 1.0)
    pixel = asked["pixel"]
    if asked["rises"]:
        network.setLowerBound(fed[pixel], float(x[pixel] + asked["moved"]))
    else:
        network.setUpperBound(fed[pixel], float(x[pixel] - asked["moved"]))
    *hidden, last = asked["layers"]
    for weight, bias in hidden:
        taken = []
        for row, constant in zip(weight, bias, strict=True):
            before, after = network.getNewVariable(), network.getNewVariable()
            network.addEquality([*fed, before], [*row, -1.0], -constant)
            network.addRelu(before, after)
            network.setLowerBound(after, 0.0)
            taken.append(after)
        fed = taken
    weight, bias = last
    for row, constant, value in zip(weight, bias, y.tolist(), strict=True):
        before = network.getNewVariable()
        network.addEquality([*fed, before], [*row, -1.0], -constant)
        network.setUpperBound(before, value + asked["within"])
        if value > 0:
            network.setLowerBound(before, value - asked["within"])
    options = Marabou.createOptions(timeoutInSeconds=int(asked["seconds"]), verbosity=0, numWorkers=1)
    answer, _, _ = network.solve(options=options, verbose=False)
    print(answer)
    _ = MarabouCore


if __name__ == "__main__":
    main()
