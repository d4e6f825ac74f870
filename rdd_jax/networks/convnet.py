"""The ConvNet that dataset distillation is measured with."""

from __future__ import annotations

import flax.linen as nn
from jax import Array

from rdd_jax.core.errors import choose
from rdd_jax.networks import layers
from rdd_jax.networks.functional import Outputs


class ConvNet(nn.Module):
  """Computes logits by convolutional blocks and one linear layer.

  A block is a 3x3 convolution, norm, activation and 2x2 pooling. Of Gidaris
  and Komodakis (2018), as DC and its successors use it: 320,010 parameters at
  CIFAR-10. Images of 28x28x1 are padded to 32x32, others keep their size. With
  `growth=2` and `norm='none'` it is that of FRePo (Zhou et al., 2022): widths
  128, 256, 512 and 8,192 features at 32x32.

  Attributes:
    num_outputs: of the head.
    width: filters of the first block.
    depth: blocks.
    growth: of the width, from one block to the next.
    norm: 'instance', 'batch', 'layer' (one group), 'group' (four) or 'none'.
    pooling: 'avg', 'max' or 'none'.
    activation: 'relu', 'leaky_relu', 'sigmoid', 'swish' or 'softplus'.

  Raises:
    UserError: for an unknown norm, pooling or activation, or, at the call,
      images that are too small.
  """

  num_outputs: int
  width: int = 128
  depth: int = 3
  growth: int = 1
  norm: str = 'instance'
  pooling: str = 'avg'
  activation: str = 'relu'

  def __post_init__(self) -> None:
    super().__post_init__()
    choose('norm', self.norm, layers.NORMS)
    choose('pooling', self.pooling, layers.POOLINGS)
    choose('activation', self.activation, layers.ACTIVATIONS)

  @nn.compact
  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits and features of images `f[n, h, w, c]`."""
    pad = layers.first_pad(x, 3)
    halvings = 0 if self.pooling == 'none' else self.depth
    if pad == 1:
      layers.require_side(x, halvings, 'this ConvNet', 'set a smaller depth')
    for block in range(self.depth):
      x = layers.Conv(
        self.width * self.growth**block, 3, pad=1 if block else pad
      )(x)
      x = layers.norm(x, self.norm, training)
      x = layers.ACTIVATIONS[self.activation](x)
      x = layers.POOLINGS[self.pooling](x)
    features = layers.flatten(x)
    return Outputs(layers.dense(features, self.num_outputs), features)
