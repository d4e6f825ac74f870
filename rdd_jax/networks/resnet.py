"""ResNet-18 for small images, after He et al. (2016).

Deviations: a 3x3 stem with stride 1, no first pooling, and instance norm by
default.
"""

from __future__ import annotations

import flax.linen as nn
import jax
from jax import Array

from rdd_jax.core.errors import choose
from rdd_jax.networks import layers
from rdd_jax.networks.functional import Outputs


class Block(nn.Module):
  """Adds two 3x3 convolutions to a shortcut.

  Attributes:
    width: filters.
    stride: of the first convolution.
    norm: as in `layers.NORMS`.
  """

  width: int
  stride: int
  norm: str

  @nn.compact
  def __call__(self, x: Array, training: bool) -> Array:
    y = layers.Conv(self.width, 3, stride=self.stride, pad=1, use_bias=False)(x)
    y = jax.nn.relu(layers.norm(y, self.norm, training))
    y = layers.Conv(self.width, 3, pad=1, use_bias=False)(y)
    y = layers.norm(y, self.norm, training)
    if x.shape != y.shape:
      x = layers.Conv(self.width, 1, stride=self.stride, use_bias=False)(x)
      x = layers.norm(x, self.norm, training)
    return jax.nn.relu(x + y)


class ResNet18(nn.Module):
  """Computes logits by a 3x3 stem, eight residual blocks and a linear head.

  The features are the mean over all pixels of the last block.

  Attributes:
    num_outputs: of the head.
    width: filters of the first of four stages; doubles at each.
    norm: 'instance', 'batch', 'layer', 'group' or 'none'.

  Raises:
    UserError: for an unknown norm.

  >>> images = jax.ShapeDtypeStruct((2, 32, 32, 3), 'float32')
  >>> run = ResNet18(10).init_with_output
  >>> jax.eval_shape(run, jax.random.key(0), images)[0].logits.shape
  (2, 10)
  """

  num_outputs: int
  width: int = 64
  norm: str = 'instance'

  def __post_init__(self) -> None:
    super().__post_init__()
    choose('norm', self.norm, layers.NORMS)

  @nn.compact
  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits and features of images `f[n, h, w, c]`."""
    x = layers.Conv(self.width, 3, pad=1, use_bias=False)(x)
    x = jax.nn.relu(layers.norm(x, self.norm, training))
    for stage in range(4):
      width = self.width * 2**stage
      x = Block(width, 2 if stage else 1, self.norm)(x, training)
      x = Block(width, 1, self.norm)(x, training)
    features = x.mean((1, 2))
    return Outputs(layers.dense(features, self.num_outputs), features)
