import json
from collections.abc import Iterator

import pytest

from paper.__main__ import RESULTS
from paper.experiments import EXPERIMENTS


def trainings(found: object) -> Iterator[dict]:
    """All records of trained networks in some results."""
    if isinstance(found, dict):
        if "recipe" in found and "epochs" in found:
            yield found
        for value in found.values():
            yield from trainings(value)
    elif isinstance(found, list):
        for value in found:
            yield from trainings(value)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_committed_results_say_what_made_them(name):
    record = json.loads((RESULTS / f"{name}.json").read_text())
    assert record["experiment"] == name
    assert {"seed", "recipes"} <= record["config"].keys()
    assert {"python", "unrelu", "torch", "numpy", "scipy"} <= record["versions"].keys()
    assert {"wall", "processor"} <= record["seconds"].keys()
    assert record["made"]
    found = list(trainings(record["results"]))
    assert len(found) >= min(1, len(record["config"]["recipes"]))
    for one in found:
        assert one["recipe"]["data"] in ("mnist", "cifar10")  # whole data sets
        assert len(one["epochs"]) == one["recipe"]["epochs"]
        assert all("test_accuracy" in epoch for epoch in one["epochs"])
    for ending in ("png", "svg"):
        assert (RESULTS / f"{name}.{ending}").stat().st_size > 0
