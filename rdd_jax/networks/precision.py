"""Mixed precision: a network computes in a narrower type than it is stored."""

from __future__ import annotations

import flax.linen as nn
from jax import Array
import jax.numpy as jnp

from rdd_jax.networks.functional import Outputs

FLOAT32 = 'float32'
DTYPES = {FLOAT32: jnp.float32, 'bfloat16': jnp.bfloat16}


class Mixed(nn.Module):
  """Runs a network on images of another type, in which its layers compute.

  Convolutions and affine maps multiply in that type. Parameters, moments of
  norms, batch statistics and outputs are float32, and so are losses and the
  optimizer. The variables are those of the network itself, by the same names.

  Attributes:
    net: the network, of the layers of `rdd_jax.networks.layers`.
    dtype: a name in `DTYPES`.

  >>> import jax
  >>> from rdd_jax.networks.mlp import MLP
  >>> images = jnp.ones((2, 4, 4, 1))
  >>> net = MLP(10, width=4, depth=2)
  >>> wide, narrow = (
  ...   n.init(jax.random.key(0), images) for n in (net, Mixed(net, 'bfloat16'))
  ... )
  >>> jax.tree.all(jax.tree.map(jnp.array_equal, wide, narrow))
  True
  >>> Mixed(net, 'bfloat16').apply(narrow, images).logits.dtype
  dtype('float32')
  """

  net: nn.Module
  dtype: str

  def setup(self) -> None:
    nn.share_scope(self, self.net)

  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits and features of images `f[n, h, w, c]`."""
    found = self.net(x.astype(DTYPES[self.dtype]), training=training)
    return Outputs(*(leaf.astype(jnp.float32) for leaf in found))
