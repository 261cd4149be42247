"""Lemma 9 in numbers: removed rows that the others are weakly correlated with (Figures 8 and 10, appendix A5)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy import sparse
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.sparse.linalg import LinearOperator, eigsh

import unrelu as ur
from paper.context import Context
from paper.experiment import Config, Experiment, Results
from paper.pictures import pictures
from paper.style import AFTER, INFINITE, INK, MUTED, panels
from paper.training import Recipe, cnn_recipe, trained

N_C = 101
"""Numbers c, evenly from 0 to the greatest that any removed row needs."""


@dataclass(frozen=True)
class Lemma9Config(Config):
    """What is asked.

    Attributes:
        n_pictures: test pictures.
        layer: number of the layer, from 1.
        patch: places on a side of the middle of the layer's output for which all bounds are computed; their rows make
            a matrix small enough for its exact singular vectors.
        largest_gram: number of remaining rows of the whole layer up to which its singular values are computed too.
    """

    n_pictures: int = 10
    layer: int = 2
    patch: int = 4
    largest_gram: int = 20_000


def run(config: Lemma9Config, context: Context) -> Results:
    """The scan over c on the whole layer, and all bounds on a patch of it."""
    networks = []
    for recipe in config.recipes:
        done = trained(recipe, context)
        images = pictures(recipe.data, "test", context).images[: config.n_pictures]
        net = ur.Network.from_torch(done.module, torch.from_numpy(images[:2]))
        name = net.layers[config.layer - 1]
        layer = kept_layer(net, name, f"layers/{recipe.name}-{name}", context)
        inputs = net.layer_input(name, images.astype(np.float64))
        found = []
        with context.progress.stage(f"Lemma 9, {recipe.network}", len(images)) as advance:
            for index, x in enumerate(inputs.reshape(len(inputs), -1)):
                found.append(one_picture(layer, x, config, context, f"lemma9/{recipe.name}-{name}/{index}"))
                advance(1)
        networks.append({"trained": done.record(), "layer": name, "pictures": found})
    return {"networks": networks}


def kept_layer(net: ur.Network, name: str, file: str, context: Context) -> ur.ReLULayer:
    """A sparse layer, kept because composing a convolution takes half a minute."""

    def compose() -> dict[str, np.ndarray]:
        layer = net.layer(name)
        A = sparse.coo_array(layer.weight)
        return {"values": A.data, "rows": A.coords[0], "columns": A.coords[1], "bias": layer.bias}

    arrays = context.kept(file, compose)
    source = net.layer_input(name, np.zeros((1, *net.input_shape))).shape[1:]
    features = net.node(name).shape
    shape = (math.prod(features), math.prod(source))
    A = sparse.csr_array((arrays["values"], (arrays["rows"], arrays["columns"])), shape=shape)
    return ur.ReLULayer(A, arrays["bias"], name=name, input_shape=source, output_shape=features)


def one_picture(layer: ur.ReLULayer, x: np.ndarray, config: Lemma9Config, context: Context, name: str) -> Results:
    """The layer at what it is fed for one picture."""
    A = sparse.csr_array(layer.weight)
    removed = A @ x + layer.bias <= 0
    kept, gone = A[~removed], A[removed]
    norms = np.sqrt(gone.multiply(gone).sum(axis=1))
    signed = (kept @ gone.T).tocsc()
    products = abs(signed)
    M = kept.shape[0]
    least_c = np.sqrt(M) * products.max(axis=0).toarray().ravel() / norms
    along = np.sqrt(products.multiply(products).sum(axis=0)) / norms
    grid = np.linspace(0, least_c.max(), N_C)
    needed = np.sqrt(M) * products.data / np.repeat(norms, np.diff(products.indptr))  # by each pair that overlaps
    pairs = M * len(norms)
    satisfied = pairs - needed.size + np.searchsorted(np.sort(needed), grid, side="right")

    whole: dict[str, np.ndarray] = {}
    if config.largest_gram >= M:
        whole = context.kept(name, lambda: of_remaining(kept, signed, context))
    return {
        "remaining": M,
        "removed": len(norms),
        "inputs": layer.n_inputs,
        "c": rounded(grid),
        "rows_all_of_whose_conditions_hold": np.searchsorted(np.sort(least_c), grid, side="right").tolist(),
        "share_of_pairs": rounded(satisfied / pairs),
        "least_c": rounded(np.quantile(least_c, [0, 0.5, 1])),
        "along": rounded(np.quantile(along, [0, 0.5, 1])),
        "along_projected": rounded(np.quantile(whole["projected"], [0, 0.5, 1]))
        if len(whole.get("projected", ()))
        else None,
        "smallest_nonzero": number(float(whole["smallest"])) if whole else None,
        "largest": number(float(whole["largest"])) if whole else None,
        "patch": patch_bounds(layer, x, config.patch),
    }


def of_remaining(kept: sparse.csr_array, products: sparse.csc_array, context: Context) -> dict[str, np.ndarray]:
    """Extreme non-zero singular values of the remaining rows, and what each removed row's projection says of them.

    With `v = K a` for the remaining rows K and a removed row a, the part P a of a in their span has the length
    `sqrt(v' (K K')^-1 v)`, so that `|v| / |P a|` bounds the smallest non-zero value from above.

    Args:
        kept: (M, d), K.
        products: (M, number of removed rows), the vectors v.
        context: where to show progress.
    """
    gram = (kept @ kept.T).toarray()
    M = len(gram)
    try:
        L = cholesky(gram, lower=True, check_finite=False)
    except LinAlgError:
        return of_dependent(gram)

    def solve(v: np.ndarray) -> np.ndarray:
        return cho_solve((L, True), v, check_finite=False)

    inverse = LinearOperator(shape=(M, M), matvec=solve, dtype=np.dtype(float))  # pyright: ignore[reportCallIssue]
    smallest, largest = (eigsh(each, k=1, return_eigenvectors=False)[0] for each in (inverse, gram))
    smallest = 1 / smallest
    if smallest <= M * np.finfo(float).eps * largest:
        return of_dependent(gram)
    useful = products[:, np.diff(products.indptr) > 0]
    found = [np.zeros(0)]
    with context.progress.stage("projections", useful.shape[1]) as advance:
        for start in range(0, useful.shape[1], 1000):
            v = useful[:, start : start + 1000].toarray()
            inside = solve_triangular(L, v, lower=True, check_finite=False)
            found.append(np.linalg.norm(v, axis=0) / np.linalg.norm(inside, axis=0))
            advance(v.shape[1])
    return {"projected": np.concatenate(found), "smallest": np.sqrt(smallest), "largest": np.sqrt(largest)}


def of_dependent(gram: np.ndarray) -> dict[str, np.ndarray]:
    """As `of_remaining` for rows that depend on each other, without projections; gram is K K'."""
    squares = np.linalg.eigvalsh(gram)
    smallest = squares[squares > len(gram) * np.finfo(float).eps * squares[-1]][0]
    return {"projected": np.zeros(0), "smallest": np.sqrt(smallest), "largest": np.sqrt(squares[-1])}


def patch_bounds(layer: ur.ReLULayer, x: np.ndarray, side: int) -> Results:
    """All bounds for the rows of the middle side x side places of the output, on the inputs that they see."""
    _, rows, columns = layer.output_shape
    i, j = (rows - side) // 2, (columns - side) // 2
    span = ur.Window(rows=(i, i + side), columns=(j, j + side))
    index = span.coordinates(layer.output_shape)
    A = sparse.csr_array(layer.weight)[index]
    seen = np.unique(A.indices)
    small = ur.ReLULayer(A[:, seen].toarray(), layer.bias[index])
    found = ur.bounds.weak_correlation(small, at=x[seen])
    lace = ur.bounds.interlacing(small, at=x[seen])
    return {
        "rows": small.n_outputs,
        "inputs": small.n_inputs,
        "removed": len(found.rows),
        "in_span": int(found.in_span.sum()),
        "least_c": number(found.smallest_bound),
        "along": number(found.along.min()) if len(found.rows) else None,
        "along_projected": number(np.nanmin(found.along_projected)) if len(found.rows) else None,
        "over_span": number(found.over_span),
        "over_span_projected": number(found.over_span_projected),
        "lemma_8": number(lace.smallest_nonzero_bound),
        "smallest": number(found.smallest),
        "smallest_nonzero": number(found.smallest_nonzero),
        "smallest_nonzero_before": number(lace.upper[lace.rank_before - 1]),
        "largest": number(found.largest),
    }


def number(value: float) -> float | None:
    """Six digits; None for a number that there is not."""
    return None if np.isnan(value) else float(f"{value:.6g}")


def rounded(values: np.ndarray) -> list[float]:
    """Five digits each."""
    return [float(f"{value:.5g}") for value in values]


def draw(results: Results) -> Figure:
    """A plot a network: how many removed rows satisfy the condition over c, a line a picture."""
    networks = results["networks"]
    figure, (plots,) = panels(1, len(networks), width=4.4, height=3.3)
    for axes, found in zip(plots, networks, strict=True):
        for k, one in enumerate(found["pictures"]):
            share = np.array(one["rows_all_of_whose_conditions_hold"]) / one["removed"]
            axes.plot(one["c"], share, color=AFTER, alpha=0.7, label="removed rows: all conditions" if k == 0 else None)
            label = "pairs of rows" if k == 0 else None
            axes.plot(one["c"], one["share_of_pairs"], color=MUTED, alpha=0.7, linestyle="--", label=label)
            axes.axvline(one["least_c"][0], color=INFINITE, linewidth=0.8, label="least c" if k == 0 else None)
            if one["smallest_nonzero"] is not None:
                label = "smallest non-zero singular value" if k == 0 else None
                axes.axvline(one["smallest_nonzero"], color=INK, linewidth=0.8, linestyle=":", label=label)
        recipe = found["trained"]["recipe"]
        axes.set_title(f"{recipe['network']}, {found['layer']} ({recipe['epochs']} epochs)", loc="left")
        axes.set_xlabel("c")
        axes.set_ylabel("share that satisfies the condition")
    handles, labels = plots[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4)
    return figure


def say(results: Results) -> str:
    """The first picture of each network."""
    lines = []
    for found in results["networks"]:
        one = found["pictures"][0]
        patch = one["patch"]
        projected = "none" if one["along_projected"] is None else f"{one['along_projected'][0]:.4g}"
        whole = "not computed" if one["smallest_nonzero"] is None else f"{one['smallest_nonzero']:.4g}"
        lines.append(
            f"{found['trained']['recipe']['network']} {found['layer']}: {one['removed']} of "
            f"{one['removed'] + one['remaining']} rows removed; least c {one['least_c'][0]:.4g}, sharper "
            f"{one['along'][0]:.4g}, projected {projected}, true smallest non-zero {whole}\n"
            f"  patch of {patch['rows']} x {patch['inputs']}: least c {patch['least_c']}, over the span, projected "
            f"{patch['over_span_projected']}, Lemma 8 {patch['lemma_8']}, true {patch['smallest_nonzero']} (before "
            f"the removal {patch['smallest_nonzero_before']})"
        )
    return "\n".join(lines)


def recipes(quick: bool) -> tuple[Recipe, ...]:
    """Both CNNs."""
    return (cnn_recipe("WideCIFAR", quick=quick), cnn_recipe("ThinCIFAR", quick=quick))


EXPERIMENT = Experiment(
    name="lemma9",
    claim="Lemma 9, Figures 8 and 10, appendix A5: removing rows that the others are weakly correlated with makes the "
    "smallest singular value small; how many rows satisfy the condition for which c.",
    full=Lemma9Config(recipes(quick=False)),
    quick=Lemma9Config(recipes(quick=True), n_pictures=2, largest_gram=5000),
    run=run,
    draw=draw,
    say=say,
)
