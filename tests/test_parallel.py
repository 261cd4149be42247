import threading

import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from stability.reference_networks import REFERENCES, normal
from unrelu.errors import InputError, ModelError
from unrelu.network.graph import Network
from unrelu.parallel import Workers, share_workers
from unrelu.stability.spectra import spectra


def threads():
    return [torch.get_num_threads(), *(pool["num_threads"] for pool in threadpool_info())]


@pytest.fixture
def two_threads():
    """Two threads for all of BLAS, whatever the environment says."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2):
        yield threads()
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("workers", "tasks", "expected"), [(8, 100, (8, 1)), (8, 3, (3, 2)), (8, 1, (1, 8)), (1, 5, (1, 1)), (2, 0, (1, 2))]
)
def test_no_more_threads_than_asked_for_and_none_idle_without_need(workers, tasks, expected):
    shared = share_workers(workers, tasks)
    assert (shared.tasks, shared.blas) == expected


def test_by_default_there_is_at_least_one():
    shared = share_workers(None, 10**6)
    assert shared.tasks >= 1
    assert shared.blas == 1


def test_limits_reach_threads_started_inside_and_end_with_the_context(two_threads):
    seen = []
    with Workers(2, 1).limited():
        thread = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        assert set(threads()) == {1}
    assert seen == [1]
    assert threads() == two_threads


@pytest.mark.parametrize("workers", [1, 2])
def test_spectra_give_threads_back_even_after_an_error(workers, two_threads):
    spectra(REFERENCES["dense"]().network, normal(0, 3, 12), workers=workers, progress=False)
    assert threads() == two_threads
    overflowing = Network.from_layers([(np.full((1, 1), 1e200), np.ones(1))] * 2 + [(np.eye(1), np.zeros(1))])
    with pytest.raises(ModelError, match="overflows"):
        spectra(overflowing, np.zeros((3, 1)), workers=workers, progress=False)
    assert threads() == two_threads


def test_no_workers_are_refused():
    with pytest.raises(InputError, match="workers must be at least 1, not 0"):
        share_workers(0, 5)
