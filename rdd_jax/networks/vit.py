"""A small vision transformer, after Dosovitskiy et al. (2021).

Deviations: the features are the mean of the tokens, not a class token; hidden
layers are twice, not four times, as wide as a token; no dropout.
"""

from __future__ import annotations

import flax.linen as nn
from flax.linen.dtypes import promote_dtype
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.errors import UserError
from rdd_jax.networks import layers
from rdd_jax.networks.functional import Outputs


def _norm(x: Array) -> Array:
  return nn.LayerNorm(dtype=layers.computes(x))(x)


class Encoder(nn.Module):
  """Applies attention, then two affine maps, each after a layer norm.

  Attributes:
    width: of a token.
    heads: of the attention.
  """

  width: int
  heads: int

  @nn.compact
  def __call__(self, x: Array) -> Array:
    y = _norm(x)
    n, tokens, _ = y.shape
    query, key, value = jnp.split(
      layers.dense(y, 3 * self.width).reshape(n, tokens, self.heads, -1),
      3,
      axis=-1,
    )
    y = jax.nn.dot_product_attention(query, key, value)
    x = x + layers.dense(y.reshape(n, tokens, self.width), self.width)
    y = layers.dense(_norm(x), 2 * self.width)
    return x + layers.dense(jax.nn.gelu(y), self.width)


class ViT(nn.Module):
  """Computes logits from patches by blocks of attention.

  The features are the mean of the tokens.

  Attributes:
    num_outputs: of the head.
    width: of a token.
    depth: blocks.
    heads: of the attention; divide the width.
    patch: side of a patch in pixels; divides that of the image.

  Raises:
    UserError: for a width that `heads` does not divide, or, at the call, images
      that `patch` does not divide.

  >>> images = jax.ShapeDtypeStruct((2, 32, 32, 3), 'float32')
  >>> run = ViT(10).init_with_output
  >>> jax.eval_shape(run, jax.random.key(0), images)[0].logits.shape
  (2, 10)
  """

  num_outputs: int
  width: int = 128
  depth: int = 6
  heads: int = 4
  patch: int = 4

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.width % self.heads:
      raise UserError(
        f'width={self.width} does not divide by heads={self.heads}: set a '
        'multiple'
      )

  @nn.compact
  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits and features of images `f[n, h, w, c]`."""
    if x.shape[1] % self.patch or x.shape[2] % self.patch:
      raise UserError(
        f'images of {x.shape[1]}x{x.shape[2]} do not divide into patches: '
        f'set patch={self.patch} to a divisor'
      )
    x = layers.Conv(self.width, self.patch, stride=self.patch)(x)
    x = x.reshape(x.shape[0], -1, self.width)
    positions = self.param(
      'positions', nn.initializers.normal(0.02), (1, *x.shape[1:])
    )
    x, positions = promote_dtype(x, positions, dtype=layers.computes(x))
    x = x + positions
    for _ in range(self.depth):
      x = Encoder(self.width, self.heads)(x)
    features = _norm(x).mean(1)
    return Outputs(layers.dense(features, self.num_outputs), features)
