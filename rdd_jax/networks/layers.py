"""Layers that the networks share, initialized as PyTorch does by default.

They compute in bfloat16 where images are, and keep their parameters as they
are: float32, see `rdd_jax.networks.precision`.
"""

from __future__ import annotations

from collections.abc import Callable
import math

import flax.linen as nn
from flax.linen.dtypes import promote_dtype
from flax.linen.initializers import Initializer
import jax
from jax import Array, lax
import jax.numpy as jnp

from rdd_jax.core import keys
from rdd_jax.core.errors import UserError, choose
from rdd_jax.networks import conv


def uniform(fan_in: int) -> Initializer:
  """Returns the initializer U(-b, b), b = 1 / sqrt(fan_in), of `torch.nn`.

  Weights as much as biases; `kaiming_uniform_(a=sqrt(5))` is the same bound.
  The published numbers of the field start there.
  """
  bound = 1.0 / math.sqrt(fan_in)

  def sample(key: Array, shape, dtype=jnp.float32, out_sharding=None) -> Array:
    del out_sharding
    return keys.uniform(key, shape, dtype, -bound, bound)

  return sample


def computes(x: Array) -> jnp.dtype | None:
  """Returns what a layer computes in: bfloat16, or what its inputs promote to.

  Args:
    x: its images.

  >>> computes(jnp.ones(1, jnp.bfloat16)), computes(jnp.ones(1))
  (dtype(bfloat16), None)
  """
  return x.dtype if x.dtype == jnp.bfloat16 else None


def widened(x: Array) -> Array:
  """Returns images in no less than float32, which moments are computed in.

  Args:
    x: `f[...]`.
  """
  return x.astype(jnp.promote_types(x.dtype, jnp.float32))


class Conv(nn.Module):
  """Convolves with square kernels.

  Attributes:
    features: filters.
    size: side of the kernel, in pixels.
    stride: in pixels.
    pad: pixels of zeros on each side.
    use_bias: adds one number to each filter's output.
  """

  features: int
  size: int
  stride: int = 1
  pad: int = 0
  use_bias: bool = True

  @nn.compact
  def __call__(self, x: Array) -> Array:
    shape = (self.size, self.size, x.shape[-1], self.features)
    start = uniform(self.size**2 * x.shape[-1])
    x, kernel, bias = promote_dtype(
      x,
      self.param('kernel', start, shape),
      self.param('bias', start, shape[-1:]) if self.use_bias else None,
      dtype=computes(x),
    )
    strides = (self.stride, self.stride)
    pads = ((self.pad, self.pad), (self.pad, self.pad))
    return conv.conv(x, kernel, strides, pads, bias=bias)


def dense(x: Array, features: int) -> Array:
  """Applies an affine map to the last dimension, inside a compact method.

  Args:
    x: `f[..., d]`.
    features: of the result, `f[..., features]`.
  """
  start = uniform(x.shape[-1])
  return nn.Dense(
    features, dtype=computes(x), kernel_init=start, bias_init=start
  )(x)


class GroupNorm(nn.Module):
  """Normalizes over pixels and the channels of a group, then scales and shifts.

  As `flax.linen.GroupNorm`, but the moments of the channels come first and the
  whole is one multiply-add, which takes fewer passes over the image.

  Attributes:
    groups: how many; None is one for each channel (instance norm).
    epsilon: added to the variance.

  Raises:
    UserError: at the call, for channels that `groups` does not divide, or one
      number in a group.
  """

  groups: int | None = None
  epsilon: float = 1e-5

  @nn.compact
  def __call__(self, x: Array) -> Array:
    n, h, w, c = x.shape
    groups = self.groups or c
    if c % groups:
      raise UserError(
        f"norm='group' of {c} channels in {groups} groups: "
        f'set a width that {groups} divides'
      )
    if h * w * (c // groups) == 1:
      raise UserError(
        "norm='instance' of a single pixel is always zero: use larger images, "
        "fewer blocks, or norm='batch'"
      )
    scale = self.param('scale', nn.initializers.ones, (c,))
    bias = self.param('bias', nn.initializers.zeros, (c,))

    dtype, x = computes(x), widened(x)

    def moment(v: Array) -> Array:
      of_group = v.mean((1, 2)).reshape(n, groups, -1).mean(-1)
      return jnp.repeat(of_group, c // groups, axis=-1)[:, None, None]

    mean = moment(x)
    variance = jnp.maximum(moment(x * x) - mean * mean, 0.0)
    slope = scale[None, None, None] * lax.rsqrt(variance + self.epsilon)
    y = x * slope + (bias[None, None, None] - mean * slope)
    return y if dtype is None else y.astype(dtype)


Norm = Callable[[Array, bool], Array]

NORMS: dict[str, Norm] = {
  'instance': lambda x, training: GroupNorm()(x),
  'batch': lambda x, training: nn.BatchNorm(
    use_running_average=not training, momentum=0.9, dtype=computes(x)
  )(x),
  'layer': lambda x, training: GroupNorm(1)(x),
  'group': lambda x, training: GroupNorm(4)(x),
  'none': lambda x, training: x,
}

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
  'relu': jax.nn.relu,
  'leaky_relu': jax.nn.leaky_relu,
  'sigmoid': jax.nn.sigmoid,
  'swish': jax.nn.swish,
  'softplus': jax.nn.softplus,
}

POOLINGS: dict[str, Callable[[Array], Array]] = {
  'avg': conv.avg_pool,
  'max': conv.max_pool,
  'none': lambda x: x,
}


def norm(x: Array, kind: str, training: bool) -> Array:
  """Applies the normalization of that name, inside a compact method.

  Args:
    x: images `f[n, h, w, c]`.
    kind: a name in `NORMS`.
    training: batch norm uses the batch's statistics.

  Raises:
    UserError: for an unknown name.
  """
  return choose('norm', kind, NORMS)(x, training)


def first_pad(x: Array, size: int) -> int:
  """Returns the padding of a first convolution: 28x28x1 images become 32x32.

  The field's networks enlarge MNIST-like images, so that they halve evenly.

  Args:
    x: images `f[n, h, w, c]`.
    size: side of the kernel in pixels, odd.
  """
  return (size - 1) // 2 + (2 if x.shape[1:] == (28, 28, 1) else 0)


def flatten(x: Array) -> Array:
  """Reshapes `f[n, ...]` to `f[n, d]`."""
  return x.reshape(x.shape[0], -1)


def require_side(x: Array, halvings: int, name: str, advice: str) -> None:
  """Checks that images do not vanish when they are halved so many times.

  Args:
    x: images `f[n, h, w, c]`.
    halvings: how often the network halves the sides.
    name: of the network, for the error.
    advice: what to do, for the error.

  Raises:
    UserError: for a side below `2**halvings` pixels.
  """
  side, needed = min(x.shape[1:3]), 2**halvings
  if side < needed:
    raise UserError(
      f'{name} halves images {halvings} times, and {x.shape[1]}x{x.shape[2]} '
      f'is less than {needed}x{needed}: {advice}'
    )
