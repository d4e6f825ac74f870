"""A multi-layer perceptron."""

from __future__ import annotations

import flax.linen as nn
import jax
from jax import Array

from rdd_jax.networks import layers
from rdd_jax.networks.functional import Outputs


class MLP(nn.Module):
  """Computes logits by `depth` affine maps with ReLU between them.

  Attributes:
    num_outputs: of the last.
    width: of the others.
    depth: how many.

  >>> images = jax.ShapeDtypeStruct((2, 8, 8, 1), 'float32')
  >>> run = MLP(10).init_with_output
  >>> jax.eval_shape(run, jax.random.key(0), images)[0].logits.shape
  (2, 10)
  """

  num_outputs: int
  width: int = 128
  depth: int = 3

  @nn.compact
  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits and features of images `f[n, h, w, c]`."""
    features = layers.flatten(x)
    for _ in range(self.depth - 1):
      features = jax.nn.relu(layers.dense(features, self.width))
    return Outputs(layers.dense(features, self.num_outputs), features)
