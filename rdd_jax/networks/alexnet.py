"""AlexNet for small images, after Krizhevsky et al. (2012).

Deviations: kernels of 5 and 3 pixels, no local response normalization, no
dropout, and one linear layer as head, as the variant that DC evaluates on.
"""

from __future__ import annotations

import flax.linen as nn
import jax
from jax import Array

from rdd_jax.networks import layers
from rdd_jax.networks.functional import Outputs


class AlexNet(nn.Module):
  """Computes logits by five convolutions and one linear layer.

  Images of 28x28x1 are padded to 32x32.

  Attributes:
    num_outputs: of the head.
    width: filters of the first convolution; the others are in proportion.

  Raises:
    UserError: at the call, for images that are too small.

  >>> images = jax.ShapeDtypeStruct((2, 32, 32, 3), 'float32')
  >>> run = AlexNet(10).init_with_output
  >>> jax.eval_shape(run, jax.random.key(0), images)[0].logits.shape
  (2, 10)
  """

  num_outputs: int
  width: int = 128

  @nn.compact
  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits and features of images `f[n, h, w, c]`."""
    layers.require_side(x, 3, 'AlexNet', 'use larger images or a ConvNet')
    wide, widest = self.width * 3 // 2, self.width * 2
    pad = layers.first_pad(x, 5)
    x = jax.nn.relu(layers.Conv(self.width, 5, pad=pad)(x))
    x = layers.POOLINGS['max'](x)
    x = jax.nn.relu(layers.Conv(wide, 5, pad=2)(x))
    x = layers.POOLINGS['max'](x)
    for width in (widest, wide, wide):
      x = jax.nn.relu(layers.Conv(width, 3, pad=1)(x))
    features = layers.flatten(layers.POOLINGS['max'](x))
    return Outputs(layers.dense(features, self.num_outputs), features)
