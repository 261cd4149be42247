"""How the transition to finite preimages moves with the training (Figure 4, continued)."""

from __future__ import annotations

from dataclasses import replace

from paper.experiment import Experiment
from paper.preimages import PreimagesConfig, draw, run, say
from paper.training import Recipe, mlp_recipe

PAPER = mlp_recipe("MLP-3500", quick=False)

RECIPES = (
    *(replace(PAPER, learning_rate=rate) for rate in (5e-4, 2e-3)),
    replace(PAPER, normalised=False),
    replace(PAPER, epochs=0),
)
"""Other rates, raw pixels, and no training."""

EXPERIMENT = Experiment(
    name="transition",
    claim="Figure 4, continued: where the transition from infinite to finite preimages lies depends on the training; "
    "random rows (Wendel's theorem) would give finite ones throughout.",
    full=PreimagesConfig(RECIPES, n_pictures=1_000),
    quick=PreimagesConfig((Recipe("MLP-3500", "mnist-sample", 5, "adam", 2e-3, 1000, seed=1),), 0, 100, 10),
    run=run,
    draw=draw,
    say=say,
)
