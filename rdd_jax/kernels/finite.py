"""Random finite networks whose wide limits the closed forms are.

Their features make the conjugate kernel, `w_std**2 phi phi' / d + b_std**2`,
which is a random-feature estimate of the NNGP kernel (Loo et al., Efficient
Dataset Distillation using Random Feature Approximation, NeurIPS 2022), and
their tangent kernels tend to the NTK.
"""

from __future__ import annotations

from collections.abc import Callable
import itertools
import math
from typing import Any, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.kernels.kernel import EXACT
from rdd_jax.networks import conv


class Finite(NamedTuple):
  """A network in the NTK parametrization, as three pure functions.

  Attributes:
    init: `(key, shape) -> params`, standard normal, for inputs of a shape.
    features: `(params, f[n, ...]) -> f[n, d]`, such that their inner products
      are the conjugate kernel, biases included.
    apply: `(params, f[n, ...]) -> f[n, o]`.
  """

  init: Callable[[Array, tuple[int, ...]], Any]
  features: Callable[[Any, Array], Array]
  apply: Callable[[Any, Array], Array]


def finite_fully_connected(
  depth: int,
  width: int,
  outputs: int = 1,
  w_std: float = math.sqrt(2),
  b_std: float = 0.1,
) -> Finite:
  """Builds `depth` hidden layers of `width` units; see `fully_connected`.

  Args:
    depth: hidden layers, at least 0.
    width: units of each.
    outputs: of the last layer.
    w_std: standard deviation of weights, before `1 / sqrt(fan_in)`.
    b_std: standard deviation of biases.

  >>> net = finite_fully_connected(1, 8)
  >>> params = net.init(jax.random.key(0), (3,))
  >>> net.apply(params, jnp.ones((2, 3))).shape
  (2, 1)
  """

  def init(key: Array, shape: tuple[int, ...]) -> Any:
    sizes = [math.prod(shape), *[width] * depth, outputs]
    shapes = list(itertools.pairwise(sizes))
    return _normal(key, shapes)

  def hidden(params: Any, x: Array) -> Array:
    x = conv.flat(x)
    for layer in params[:-1]:
      x = jax.nn.relu(_dense(layer, x, w_std, b_std))
    return x

  return _finite(init, hidden, w_std, b_std)


def finite_convolutional(
  depth: int,
  width: int,
  outputs: int = 1,
  w_std: float = math.sqrt(2),
  b_std: float = 0.1,
  *,
  size: int = 3,
  halve: bool = False,
  global_pool: bool = False,
) -> Finite:
  """Builds `depth` convolutions of `width` channels; see `convolutional`.

  Args:
    depth: convolutions.
    width: channels of each.
    outputs: of the last layer.
    w_std: standard deviation of weights, before `1 / sqrt(fan_in)`.
    b_std: standard deviation of biases.
    size: side of the filters in pixels, odd.
    halve: average over 2x2 pixels after each convolution.
    global_pool: average over all pixels before the last layer.

  >>> net = finite_convolutional(1, 8)
  >>> params = net.init(jax.random.key(0), (4, 4, 1))
  >>> jax.eval_shape(net.apply, params, jnp.ones((2, 4, 4, 1))).shape
  (2, 1)
  """

  def init(key: Array, shape: tuple[int, ...]) -> Any:
    height, wide, channels = shape
    cut = 2**depth if halve else 1
    pixels = 1 if global_pool else (height // cut) * (wide // cut)
    sizes = [channels, *[width] * depth]
    shapes = [(size, size, *s) for s in itertools.pairwise(sizes)]
    return _normal(key, [*shapes, (pixels * sizes[-1], outputs)])

  def hidden(params: Any, x: Array) -> Array:
    pad = ((size // 2, size // 2),) * 2
    for kernel, bias in params[:-1]:
      scale = w_std / math.sqrt(math.prod(kernel.shape[:-1]))
      x = conv.conv(x, scale * kernel, (1, 1), pad, bias=b_std * bias)
      x = jax.nn.relu(x)
      x = conv.avg_pool(x) if halve else x
    return x.mean((1, 2)) if global_pool else conv.flat(x)

  return _finite(init, hidden, w_std, b_std)


def conjugate(features: Callable[[Array], Array]) -> Callable[..., Array]:
  """Returns the kernel `k(x1, x2=None) -> f[n1, n2]` of features `f[n, d]`.

  >>> conjugate(lambda x: x)(jnp.ones((2, 3))).tolist()
  [[3.0, 3.0], [3.0, 3.0]]
  """

  def kernel(x1: Array, x2: Array | None = None) -> Array:
    first = features(x1)
    second = first if x2 is None else features(x2)
    return jnp.matmul(first, second.T, precision=EXACT)

  return kernel


def _finite(
  init: Callable[[Array, tuple[int, ...]], Any],
  hidden: Callable[[Any, Array], Array],
  w_std: float,
  b_std: float,
) -> Finite:
  def features(params: Any, x: Array) -> Array:
    phi = hidden(params, x)
    one = jnp.full((phi.shape[0], 1), b_std, phi.dtype)
    return jnp.concatenate([w_std / math.sqrt(phi.shape[1]) * phi, one], 1)

  def apply(params: Any, x: Array) -> Array:
    return _dense(params[-1], hidden(params, x), w_std, b_std)

  return Finite(init, features, apply)


def _dense(layer: Any, x: Array, w_std: float, b_std: float) -> Array:
  kernel, bias = layer
  scale = w_std / math.sqrt(kernel.shape[0])
  return scale * x @ kernel + b_std * bias[None]


def _normal(key: Array, shapes: list[tuple[int, ...]]) -> Any:
  """Standard normal weights, and biases of their last dimension."""
  layers = []
  for layer, shape in zip(
    jax.random.split(key, len(shapes)), shapes, strict=True
  ):
    weight, bias = jax.random.split(layer)
    layers.append((keys.normal(weight, shape), keys.normal(bias, shape[-1:])))
  return layers
