"""VGG-11 for small images, after Simonyan and Zisserman (2015).

Deviations: a norm after each convolution, no dropout, and one linear layer as
head.
"""

from __future__ import annotations

import flax.linen as nn
import jax
from jax import Array

from rdd_jax.core.errors import choose
from rdd_jax.networks import layers
from rdd_jax.networks.functional import Outputs


class VGG11(nn.Module):
  """Computes logits by eight convolutions with a norm and one linear layer.

  Images of 28x28x1 are padded to 32x32.

  Attributes:
    num_outputs: of the head.
    width: filters of the first stage; the third is the last to double it.
    norm: 'instance', 'batch', 'layer', 'group' or 'none'.

  Raises:
    UserError: for an unknown norm, or, at the call, images that are too small.

  >>> images = jax.ShapeDtypeStruct((2, 32, 32, 3), 'float32')
  >>> run = VGG11(10).init_with_output
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
    pad = layers.first_pad(x, 3)
    if pad == 1:
      layers.require_side(x, 5, 'VGG-11', 'use larger images or a ConvNet')
    for stage, (growth, convs) in enumerate(
      ((1, 1), (2, 1), (4, 2), (8, 2), (8, 2))
    ):
      for _ in range(convs):
        x = layers.Conv(self.width * growth, 3, pad=1 if stage else pad)(x)
        x = jax.nn.relu(layers.norm(x, self.norm, training))
      x = layers.POOLINGS['max'](x)
    features = layers.flatten(x)
    return Outputs(layers.dense(features, self.num_outputs), features)
