"""Quartiles over inputs, against NumPy on the records as they stand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from small_studies import dense_study, joined_study
from unrelu.study.curves import decay, over_layers


@pytest.mark.parametrize("relu", [False, True])
def test_decay(relu: bool) -> None:
    spectra = dense_study().to_pandas("spectra")
    own = spectra[(spectra.layer == "relu2") & (spectra.relu == relu)]
    values = np.array([np.where(np.array(v) > t, v, 0) for v, t in zip(own["values"], own.tolerance, strict=True)])
    found = decay(dense_study(), "relu2", relu=relu)
    assert found is not None
    for name, q in (("lower", 25), ("median", 50), ("upper", 75)):
        np.testing.assert_allclose(getattr(found, name), np.percentile(values, q, axis=0))


def test_values_within_the_tolerance_count_as_zero() -> None:
    study = dense_study()
    values = np.array(study["spectra"]["values"][0].as_py())
    place = study["spectra"].schema.get_field_index("tolerance")
    coarse = study["spectra"].set_column(place, "tolerance", pa.array([values[4]] * study["spectra"].num_rows))
    (first, *_) = study.parts["spectra"]
    parts = {**study.parts, "spectra": (dataclasses.replace(first, rows=coarse.slice(0, 1)),)}
    found = decay(dataclasses.replace(study, parts=parts), "relu1", relu=False)
    assert found is not None
    np.testing.assert_array_equal(found.median, np.r_[values[:4], np.zeros(len(values) - 4)])


def test_no_spectra_no_curve() -> None:
    assert decay(joined_study(), "somewhere", relu=True) is None


def test_over_layers() -> None:
    found = over_layers(dense_study(), "condition_number", relu=True)
    spectra = dense_study().to_pandas("spectra")
    for k, layer in enumerate(("relu1", "relu2")):
        own = spectra[(spectra.layer == layer) & spectra.relu].condition_number
        assert found.median[k] == pytest.approx(own.median())
        assert (found.lower[k], found.upper[k]) == (
            pytest.approx(own.quantile(0.25)),
            pytest.approx(own.quantile(0.75)),
        )
