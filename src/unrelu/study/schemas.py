"""The tables of a study: one per kind of record, every column described.

The descriptions travel with the Parquet files, as metadata of the fields. A column in which values may be missing says
when they are null; where a description does not speak of null, every row has a value, or the table is refused.
"""

from __future__ import annotations

import pyarrow as pa

FORMAT_VERSION = 9
"""Raised whenever a column changes its meaning, comes or goes."""


def _schema(*fields: tuple[str, pa.DataType, str]) -> pa.Schema:
    return pa.schema([pa.field(name, kind, metadata={"description": text}) for name, kind, text in fields])


_TEXT, _COUNT, _REAL, _FLAG = pa.string(), pa.int64(), pa.float64(), pa.bool_()
_REALS, _SHAPE, _TEXTS = pa.list_(pa.float64()), pa.list_(pa.int64()), pa.list_(pa.string())

INPUTS = _schema(
    ("input", _COUNT, "index of the input in the data"),
    ("label", _COUNT, "its class as given by the caller; null where no labels were given"),
    ("predicted", _COUNT, "index of the network's largest output; null where it has a single one"),
)
"""One row per input."""

VERDICTS = _schema(
    ("layer", _TEXT, "name of the ReLU layer"),
    ("input", _COUNT, "index of the input in the data"),
    ("kind", _TEXT, "kind of the preimage: singleton, bounded, unbounded, empty or undecided"),
    ("bounded", _FLAG, "whether the preimage is bounded (a singleton is); null where open"),
    ("singleton", _FLAG, "whether the preimage is one point; null where open"),
    ("n_active", _COUNT, "number of positive features"),
    ("dimension_lower", _COUNT, "proved lower bound of the preimage's dimension; null where not verified"),
    ("dimension_upper", _COUNT, "proved upper bound of the preimage's dimension; null where not verified"),
    ("margin", _REAL, "how clearly boundedness was decided, 0 to 1; null where counting or rank decided it"),
    ("proved", _FLAG, "whether the certificate proves the verdict without a solver; null where not verified"),
    ("reason", _TEXT, "why the verdict is undecided; null where it is not"),
)
"""One row per layer and input: the preimage of that layer at what the layer is fed."""

PRIORS = _schema(
    ("layer", _TEXT, "name of the ReLU layer: the first one that is fed by the network's input"),
    ("input", _COUNT, "index of the input in the data"),
    ("n_active", _COUNT, "k, number of positive features"),
    ("n_inside", _COUNT, "F, coordinates strictly inside their bounds in the prior"),
    ("n_at_bounds", _COUNT, "T, coordinates at one of two different bounds; those whose bounds agree are in neither"),
    ("unique", _FLAG, "whether no other input in the prior has the same features; null where open"),
    ("bounded", _FLAG, "whether the inputs in the prior with the same features are bounded; null where open"),
    ("proved", _FLAG, "whether the certificate proves these answers without a solver; null where not verified"),
    (
        "expected",
        _REAL,
        "probability of unique for k Gaussian rows, 2^(1-T) sum_{j < k-F} C(T-1, j), 0 for k <= F and 1 for "
        "k - F >= T; null where the prior has constraints other than bounds",
    ),
)
"""One row per input, within the prior that the caller gave; none without a prior."""

FREEDOM = _schema(
    ("layer", _TEXT, "name of the ReLU layer whose features are kept: that of the prior"),
    ("input", _COUNT, "index of the input in the data"),
    ("n_active", _COUNT, "number of positive features"),
    ("shape", _SHAPE, "sample shape of the input; what follows is stored in C order"),
    ("original_values", _REALS, "the input"),
    ("lower", _REALS, "least value of each coordinate over all inputs in the prior with the same features, as found"),
    ("upper", _REALS, "greatest value, as found"),
    ("proved_lower", _REALS, "no exact member has a smaller value than this; -inf where nothing is proved"),
    ("proved_upper", _REALS, "no exact member has a greater value than this; inf where nothing is proved"),
    ("n_free", _COUNT, "coordinates that can take every value that the prior's bounds allow"),
    ("n_fixed", _COUNT, "coordinates that cannot move"),
    ("width_median", _REAL, "median of upper - lower over the coordinates"),
    ("width_largest", _REAL, "the largest upper - lower"),
    ("n_programs", _COUNT, "linear programs that this took"),
)
"""One row per input that got the range of every coordinate; none where that was not asked for."""

SPECTRA = _schema(
    ("layer", _TEXT, "name of the ReLU layer in which the prefix of the network ends"),
    ("input", _COUNT, "index of the input in the data"),
    ("relu", _FLAG, "whether the prefix includes the layer's own ReLU"),
    ("values", _REALS, "all singular values of the Jacobian at the input, descending"),
    ("n_outputs", _COUNT, "m, rows of the Jacobian"),
    ("n_inputs", _COUNT, "d, columns of the Jacobian: coordinates of the network's input"),
    ("structural_rank", _COUNT, "upper bound of the rank from sizes and active units alone"),
    ("rank", _COUNT, "numerical rank: singular values above the tolerance"),
    ("tolerance", _REAL, "what a singular value must exceed to count as non-zero"),
    ("largest", _REAL, "the largest singular value"),
    ("smallest_nonzero", _REAL, "the smallest singular value above the tolerance; null where there is none"),
    ("condition_number", _REAL, "largest / smallest_nonzero; null where there is none"),
    ("method", _TEXT, "how the values were computed"),
)
"""One row per layer, input, and with or without the layer's ReLU."""

BOUNDS = _schema(
    ("layer", _TEXT, "name of the ReLU layer, whose weight is A: (m, d) on the layer's own input"),
    ("input", _COUNT, "index of the input in the data"),
    ("n_outputs", _COUNT, "m, rows of A"),
    ("n_inputs", _COUNT, "d, columns of A"),
    ("n_removed", _COUNT, "q, rows that the ReLU removes at this input"),
    ("rank_before", _COUNT, "N, numerical rank of A"),
    ("rank", _COUNT, "numerical rank of what is left"),
    ("largest_before", _REAL, "largest singular value of A: bounds the one after the removal"),
    ("largest", _REAL, "largest singular value of what is left"),
    ("smallest_nonzero_before", _REAL, "smallest non-zero singular value of A; null where there is none"),
    ("smallest_nonzero", _REAL, "smallest non-zero singular value of what is left; null where there is none"),
    ("smallest", _REAL, "d-th singular value of what is left, 0 where fewer than d rows are left"),
    ("interlacing", _REAL, "Lemma 8: smallest_nonzero is at most this, sigma_{N-q}(A); null unless q < N"),
    ("interlacing_by_rank", _REAL, "sharper: sigma_r(A) for the rank r that is left; null where r = 0"),
    ("correlation", _REAL, "Lemma 9: smallest is at most this, the least c; null where no non-zero row is removed"),
    ("correlation_along", _REAL, "sharper: the least |D A a_k| / |a_k| over the removed rows a_k; null likewise"),
    (
        "correlation_over_span",
        _REAL,
        "sharper still: the least |D A v| / |v| over the span of the removed rows; null likewise",
    ),
    ("correlation_applies", _FLAG, "whether Lemma 9 says more than counting: at least d rows are left, one is removed"),
    (
        "correlation_nonzero",
        _REAL,
        "smallest_nonzero is at most this, the least c over removed rows in the span of "
        "the others; null where there is none",
    ),
    (
        "correlation_nonzero_over_span",
        _REAL,
        "sharper, for all removed rows: the least |D A v| / |P v|, P projecting "
        "onto the span of the rows left; null where all P v = 0",
    ),
)
"""One row per layer and input, for a few inputs: Lemmas 8 and 9 beside the true singular values."""

METAMERS = _schema(
    ("pair", _COUNT, "number of the pair of original and target"),
    ("layer", _TEXT, "name of the node whose features are kept, a ReLU layer as a rule"),
    ("original", _COUNT, "index of the original in the data"),
    ("target", _COUNT, "index of the target in the data"),
    ("norm", _REAL, "p of the L^p distance that was minimised: 1, 2 or inf"),
    ("objective", _TEXT, "what was sought"),
    ("shape", _SHAPE, "sample shape of the three inputs that follow, stored in C order"),
    ("original_values", _REALS, "the original"),
    ("target_values", _REALS, "the target"),
    ("metamer_values", _REALS, "the metamer"),
    ("distance", _REAL, "from metamer to target, in the norm of this row"),
    ("distance_before", _REAL, "from original to target, in the norm of this row"),
    ("distance_moved", _REAL, "from original to metamer, in the norm of this row"),
    ("bound", _REAL, "no exact metamer is nearer to the target than this; where regional, none in that region"),
    ("optimal", _FLAG, "whether distance and bound meet, within unrelu.metamerism' named tolerance"),
    ("feature_error", _REAL, "largest difference of a feature of metamer and original, computed in float64"),
    ("forward_error", _REAL, "the same in the model's own forward pass; null where there is no model"),
    ("radius", _REAL, "proved: an exact metamer lies within this L2 distance; null where not proved"),
    ("status", _TEXT, "how the solver stopped"),
    (
        "regional",
        _FLAG,
        "whether only the original's linear region was searched, on which the bound rests on the map as "
        "computed in float64",
    ),
    ("n_active", _COUNT, "positive features of the original in this layer"),
    ("original_label", _COUNT, "class of the original as given; null where no labels were given"),
    ("target_label", _COUNT, "class of the target as given; null where no labels were given"),
    ("original_predicted", _COUNT, "index of the network's largest output at the original; null where it has one"),
    ("target_predicted", _COUNT, "the same at the target; null likewise"),
    ("metamer_predicted", _COUNT, "the same at the metamer; null likewise"),
)
"""One row per pair and norm."""

KEPT = _schema(
    ("layer", _TEXT, "name of the node whose features the metamers keep"),
    ("output_size", _COUNT, "m, its features"),
    ("relu", _FLAG, "whether it is a ReLU layer"),
    (
        "cut",
        _FLAG,
        "whether every path from the network's input to its output runs through the node, so that inputs with exactly "
        "the same features have the same output",
    ),
    (
        "bypassed_by",
        _TEXTS,
        "names of the nodes by which the output can depend on the input past the node: of each such path the first "
        "that the node does not depend on; empty for a cut",
    ),
    ("n_metamers", _COUNT, "number of metamers"),
    ("optimal", _COUNT, "of them, those that no metamer (where regional, none in that region) comes nearer than"),
    ("regional", _COUNT, "of them, those for which only the original's linear region was searched"),
    (
        "same_class",
        _COUNT,
        "of them, those where the network predicts what it predicts for the original; null for a network with a "
        "single output",
    ),
    ("feature_error", _REAL, "the largest feature error among them, in float64"),
    ("forward_error", _REAL, "the largest in the model's own forward pass; null where there is no model"),
)
"""One row for the node whose features the metamers keep; none without metamers."""

LAYERS = _schema(
    ("layer", _TEXT, "name of the ReLU layer, in the order of the network"),
    ("input_size", _COUNT, "d, coordinates of the layer's own input; null where it has no single input"),
    ("output_size", _COUNT, "m, features of the layer"),
    ("output_shape", _SHAPE, "sample shape of the features"),
    ("first", _FLAG, "whether the layer is fed by the network's input"),
    ("folding_error", _REAL, "bound on the rounding of weights when affine nodes were composed; null if none"),
    ("verdicts_left_out", _TEXT, "why there are no verdicts; null where there are"),
    ("spectra_left_out", _TEXT, "why there are no spectra; null where there are"),
    ("bounds_left_out", _TEXT, "why there are no bounds; null where there are"),
    ("n_verdicts", _COUNT, "number of inputs with a verdict"),
    ("singleton", _COUNT, "verdicts of kind singleton"),
    ("bounded", _COUNT, "verdicts of kind bounded (more than one point)"),
    ("unbounded", _COUNT, "verdicts of kind unbounded"),
    ("empty", _COUNT, "verdicts of kind empty"),
    ("undecided", _COUNT, "verdicts of kind undecided"),
    ("undecided_reason", _TEXT, "the most frequent reason of these; null where there are none"),
    ("finite", _COUNT, "inputs whose preimage is bounded, singletons and those of open uniqueness included"),
    ("singleton_proved", _COUNT, "of the singletons, those proved; null where nothing was verified"),
    ("bounded_proved", _COUNT, "of the bounded ones, those proved; null where nothing was verified"),
    ("unbounded_proved", _COUNT, "of the unbounded ones, those proved; null where nothing was verified"),
    ("empty_proved", _COUNT, "of the empty ones, those proved; null where nothing was verified"),
    ("finite_proved", _COUNT, "of the finite ones, those proved; null where nothing was verified"),
    ("proved", _COUNT, "verdicts of any kind that are proved; null where nothing was verified"),
    ("active_min", _COUNT, "fewest positive features over the inputs with a verdict; null if none"),
    ("active_median", _REAL, "median of the number of positive features; null if none"),
    ("active_max", _COUNT, "most positive features; null if none"),
    ("dimension_lower_median", _REAL, "median of the proved lower bound of the preimage's dimension; null if none"),
    ("dimension_upper_median", _REAL, "median of the proved upper bound of the preimage's dimension; null if none"),
    ("n_prior", _COUNT, "number of inputs with a verdict within the prior"),
    ("prior_unique", _COUNT, "of them, those that are the only input in the prior with their features"),
    ("prior_not_unique", _COUNT, "of them, those that are not"),
    ("prior_open", _COUNT, "of them, those for which this stayed open"),
    ("prior_unique_proved", _COUNT, "of the unique ones, those proved; null where nothing was verified"),
    ("prior_not_unique_proved", _COUNT, "of those that are not, those proved; null where nothing was verified"),
    ("prior_expected", _REAL, "how many Gaussian rows would make unique, on average; null where not known"),
    ("n_spectra", _COUNT, "number of inputs with spectra"),
    (
        "structural_rank_with_relu",
        _REAL,
        "median of the structural rank of the prefix, its ReLU included; null if none",
    ),
    ("rank_with_relu", _REAL, "median of the numerical rank, the layer's ReLU included; null if none"),
    ("rank_without_relu", _REAL, "median of the numerical rank before the layer's ReLU; null if none"),
    (
        "invariant_with_relu",
        _REAL,
        "median of d - rank: directions of the input that the features ignore; null if none",
    ),
    ("invariant_without_relu", _REAL, "the same before the layer's ReLU; null if none"),
    ("largest_with_relu", _REAL, "median of the largest singular value; null if none"),
    ("largest_without_relu", _REAL, "the same before the layer's ReLU; null if none"),
    ("smallest_nonzero_with_relu", _REAL, "median of the smallest singular value above the tolerance; null if none"),
    ("smallest_nonzero_without_relu", _REAL, "the same before the layer's ReLU; null if none"),
    ("condition_with_relu", _REAL, "median of the condition number; null if none"),
    ("condition_without_relu", _REAL, "the same before the layer's ReLU; null if none"),
)
"""One row per ReLU layer of the network; medians run over the inputs."""

TABLES: dict[str, pa.Schema] = {
    "layers": LAYERS,
    "inputs": INPUTS,
    "verdicts": VERDICTS,
    "priors": PRIORS,
    "freedom": FREEDOM,
    "spectra": SPECTRA,
    "bounds": BOUNDS,
    "metamers": METAMERS,
    "kept": KEPT,
}
"""All tables of a study, by name."""


def table(schema: pa.Schema, rows: list[dict[str, object]]) -> pa.Table:
    """A table of that schema; every row names every column.

    >>> table(INPUTS, [{"input": 0, "label": None, "predicted": 3}]).num_rows
    1
    """
    return pa.table(
        {name: pa.array([row[name] for row in rows], schema.field(name).type) for name in schema.names}, schema=schema
    )
