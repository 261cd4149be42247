"""Models of Keras, on its PyTorch back end, by what is special about them; importing this takes some seconds."""

import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # third parties' own
    held = {name: os.environ.get(name) for name in ("KERAS_BACKEND", "KERAS_HOME")}
    with tempfile.TemporaryDirectory() as home:  # where it would leave its settings
        os.environ.update(KERAS_BACKEND="torch", KERAS_HOME=str(Path(home) / "keras"))
        import keras
    for name, value in held.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value

from keras import layers as typed_layers
from keras.src.backend.common import dtypes

__all__ = ["LAYERS", "built", "computed", "double", "keras", "layers", "numbers", "trained"]

layers: Any = typed_layers  # whose annotations are narrower than what they take

LAYERS = {
    "dense": ((4,), lambda: layers.Dense(3, activation="relu")),
    "dense without bias": ((4,), lambda: layers.Dense(3, use_bias=False)),
    "dense on a sequence": ((5, 4), lambda: layers.Dense(3)),
    "conv 1d": ((8, 3), lambda: layers.Conv1D(2, 3, strides=2, padding="same", activation="relu")),
    "conv 1d, causal": ((8, 3), lambda: layers.Conv1D(2, 3, dilation_rate=2, padding="causal")),
    "conv 2d": ((7, 8, 4), lambda: layers.Conv2D(2, 3, strides=2, padding="same", groups=2)),
    "conv 2d, wide": ((7, 8, 2), lambda: layers.Conv2D(2, (3, 2), dilation_rate=(2, 1), use_bias=False)),
    "conv 3d": ((5, 5, 4, 2), lambda: layers.Conv3D(2, 2)),
    "depthwise 1d": ((7, 4), lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
    "depthwise 2d": ((7, 8, 4), lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, padding="same", strides=2)),
    "separable 1d": ((7, 4), lambda: layers.SeparableConv1D(3, 3, padding="same")),
    "separable 2d": ((7, 8, 4), lambda: layers.SeparableConv2D(3, 3, padding="same")),
    "batch norm": ((7, 8, 4), lambda: layers.BatchNormalization()),
    "batch norm without center and scale": ((4,), lambda: layers.BatchNormalization(center=False, scale=False)),
    "max pooling 1d": ((7, 4), lambda: layers.MaxPooling1D(3, strides=2, padding="same")),
    "max pooling 2d": ((8, 8, 4), lambda: layers.MaxPooling2D(2)),
    "max pooling 2d, same": ((7, 8, 4), lambda: layers.MaxPooling2D(3, strides=2, padding="same")),
    "average pooling 2d": ((8, 8, 4), lambda: layers.AveragePooling2D(2)),
    "average pooling 2d, same": ((7, 8, 4), lambda: layers.AveragePooling2D(3, strides=2, padding="same")),
    "average pooling 3d": ((4, 4, 4, 2), lambda: layers.AveragePooling3D(2)),
    "global average": ((8, 8, 4), lambda: layers.GlobalAveragePooling2D()),
    "global average, kept": ((8, 3), lambda: layers.GlobalAveragePooling1D(keepdims=True)),
    "global maximum": ((4, 5, 3), lambda: layers.GlobalMaxPooling2D()),
    "flatten": ((3, 2, 4), lambda: layers.Flatten()),
    "reshape": ((4, 2, 4), lambda: layers.Reshape((8, -1))),
    "permute": ((4, 2, 3), lambda: layers.Permute((3, 1, 2))),
    "repeat": ((4,), lambda: layers.RepeatVector(3)),
    "zero padding": ((5, 4, 2), lambda: layers.ZeroPadding2D(((1, 2), (0, 1)))),
    "cropping": ((5, 4, 2), lambda: layers.Cropping2D(((1, 2), (0, 1)))),
    "upsampling 1d": ((4, 2), lambda: layers.UpSampling1D(3)),
    "upsampling 2d": ((4, 3, 2), lambda: layers.UpSampling2D((2, 3))),
    "normalization": ((4,), lambda: layers.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 2, 0.3, 4])),
    "rescaling": ((4, 4, 1), lambda: layers.Rescaling(1 / 255, offset=-0.5)),
    "relu": ((4,), lambda: layers.ReLU()),
    "relu with a maximum": ((4,), lambda: layers.ReLU(max_value=1.5)),
    "relu with a slope": ((4,), lambda: layers.ReLU(negative_slope=0.25)),
    "relu with both": ((4,), lambda: layers.ReLU(max_value=0.75, negative_slope=0.25)),
    "leaky relu": ((4,), lambda: layers.LeakyReLU(0.2)),
    "parametric relu": ((4, 2), lambda: layers.PReLU(alpha_initializer=keras.initializers.RandomUniform(0, 1, seed=1))),
    "parametric relu, shared": (
        (4, 3, 2),
        lambda: layers.PReLU(shared_axes=[1, 2], alpha_initializer=keras.initializers.RandomUniform(0, 1, seed=1)),
    ),
    "transposed conv 2d": ((4, 3, 2), lambda: layers.Conv2DTranspose(2, 3, strides=2, padding="same")),
    "upsampling 2d, bilinear": ((4, 3, 2), lambda: layers.UpSampling2D(2, interpolation="bilinear")),
    "einsum": ((5, 4), lambda: layers.EinsumDense("abc,cd->abd", output_shape=(None, 3), bias_axes="d")),
    **{
        f"activation {name}": ((5,), lambda name=name: layers.Activation(name))
        for name in ("relu6", "hard_sigmoid", "hard_tanh", "elu", "selu", "gelu", "silu", "mish", "tanh", "softplus")
    },
    "layer norm": ((6,), lambda: layers.LayerNormalization()),
    "dropout": ((6,), lambda: layers.Dropout(0.5)),
}
"""By what is special: the shape of a sample, and what makes a layer."""


def numbers(*shape: int) -> np.ndarray:
    """Numbers of either sign, and many that are equal, or at kinks."""
    drawn = np.random.default_rng(5).standard_normal((6, *shape))
    return np.concatenate([drawn, (2 * drawn).round() / 2])


@contextmanager
def double() -> Iterator[None]:
    """In float64 throughout: of its own accord Keras on PyTorch multiplies matrices of float64, too, in float32."""
    halved = dtypes.BIT64_TO_BIT32_DTYPE["float64"]
    try:
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = "float64"
        keras.config.set_floatx("float64")
        keras.config.set_dtype_policy("float64")
        yield
    finally:
        dtypes.BIT64_TO_BIT32_DTYPE["float64"] = halved
        keras.config.set_floatx("float32")
        keras.config.set_dtype_policy("float32")


def built(shape: tuple[int, ...], *made: Any) -> Any:
    """A sequence of layers, with the same weights of float32 in every precision."""
    keras.utils.clear_session()  # for the names
    model = keras.Sequential([layers.Input(shape), *(each() for each in made)])
    generator = np.random.default_rng(3)
    for values in model.weights:
        if values.dtype.startswith("float"):
            drawn = generator.uniform(-1, 1, tuple(values.shape))
            values.assign((abs(drawn) + 0.1 if "variance" in values.name else drawn).astype(np.float32))
    return model


def computed(model: Any, x: np.ndarray) -> np.ndarray:
    """What Keras itself gives."""
    with torch.no_grad():
        return model(torch.from_numpy(x), training=False).numpy()


def trained() -> Any:
    """A small residual network of pictures, trained a little, with a nested model, a shared layer and a softmax."""
    keras.utils.set_random_seed(4)
    block = keras.Sequential(
        [
            layers.Input((6, 6, 3)),
            layers.Conv2D(3, 3, padding="same", name="conv"),
            layers.BatchNormalization(name="bn"),
        ],
        name="block",
    )
    shared = layers.ReLU(name="relu")
    x = layers.Input((6, 6, 1))
    h = shared(layers.Conv2D(3, 3, padding="same", name="stem")(layers.Rescaling(1 / 2, name="scale")(x)))
    h = shared(layers.Add(name="sum")([block(h), h]))
    h = layers.Dropout(0.1, name="drop")(layers.Flatten(name="flat")(layers.MaxPooling2D(2, name="pool")(h)))
    model: Any = keras.Model(x, layers.Dense(4, activation="softmax", name="head")(h))
    inputs = np.random.default_rng(0).random((64, 6, 6, 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.compile("adam", "sparse_categorical_crossentropy")
        model.fit(inputs, (4 * inputs.mean(axis=(1, 2, 3), keepdims=True)).astype(int)[:, 0, 0, 0] % 4, verbose=0)
    return model
