"""ResNet-18, after He et al. (2016): for small images, and as of ImageNet.

Deviations: by default a 3x3 stem with stride 1, no first pooling, and instance
norm, as the field has it for small images.
"""

from __future__ import annotations

import flax.linen as nn
import jax
from jax import Array

from rdd_jax.core.errors import choose
from rdd_jax.networks import conv, layers
from rdd_jax.networks.functional import Outputs

STEMS: dict[str, None] = dict.fromkeys(('small', 'imagenet'))


class Block(nn.Module):
  """Adds two 3x3 convolutions to a shortcut.

  Attributes:
    width: filters.
    stride: of the first convolution.
    norm: as in `layers.NORMS`.
    start: of the convolutions, as in `layers.STARTS`.
  """

  width: int
  stride: int
  norm: str
  start: str = 'uniform'

  @nn.compact
  def __call__(self, x: Array, training: bool) -> Array:
    def convolve(x: Array, size: int, stride: int = 1) -> Array:
      return layers.Conv(
        self.width, size, stride, size // 2, use_bias=False, start=self.start
      )(x)

    y = convolve(x, 3, self.stride)
    y = jax.nn.relu(layers.norm(y, self.norm, training))
    y = convolve(y, 3)
    y = layers.norm(y, self.norm, training)
    if x.shape != y.shape:
      x = convolve(x, 1, self.stride)
      x = layers.norm(x, self.norm, training)
    return jax.nn.relu(x + y)


class ResNet18(nn.Module):
  """Computes logits by a stem, eight residual blocks and a linear head.

  The features are the mean over all pixels of the last block.

  Attributes:
    num_outputs: of the head.
    width: filters of the first of four stages; doubles at each.
    norm: 'instance', 'batch', 'layer', 'group' or 'none'.
    stem: 'small', a 3x3 convolution; or 'imagenet', a 7x7 one of stride 2, and
      3x3 maxima of stride 2, for images of 224 pixels.
    start: what convolutions are drawn from: 'uniform', PyTorch's default, or
      'he', the normal draws of torchvision's ResNets.

  Raises:
    UserError: for an unknown norm, stem or start.

  >>> images = jax.ShapeDtypeStruct((2, 32, 32, 3), 'float32')
  >>> run = ResNet18(10).init_with_output
  >>> jax.eval_shape(run, jax.random.key(0), images)[0].logits.shape
  (2, 10)
  """

  num_outputs: int
  width: int = 64
  norm: str = 'instance'
  stem: str = 'small'
  start: str = 'uniform'

  def __post_init__(self) -> None:
    super().__post_init__()
    choose('norm', self.norm, layers.NORMS)
    choose('stem', self.stem, STEMS)
    choose('start', self.start, layers.STARTS)

  @nn.compact
  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits and features of images `f[n, h, w, c]`."""
    large = self.stem == 'imagenet'
    size, stride = (7, 2) if large else (3, 1)
    x = layers.Conv(
      self.width, size, stride, size // 2, use_bias=False, start=self.start
    )(x)
    x = jax.nn.relu(layers.norm(x, self.norm, training))
    if large:
      x = conv.overlapping_max_pool(x)
    for stage in range(4):
      width = self.width * 2**stage
      x = Block(width, 2 if stage else 1, self.norm, self.start)(x, training)
      x = Block(width, 1, self.norm, self.start)(x, training)
    features = x.mean((1, 2))
    return Outputs(layers.dense(features, self.num_outputs), features)
