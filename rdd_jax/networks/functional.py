"""Running networks as pure functions, with batch statistics in plain sight."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jax import Array
from jax.flatten_util import ravel_pytree
import jax.numpy as jnp

from rdd_jax.core.sharding import in_blocks, shares
from rdd_jax.networks.layers import Conv, widened

STATISTICS = 1024  # of channels, at most: covariances of them are inverted
CACHE = 5 * 2**20  # bytes of one activation that work best in a CPU's cache

# {'params': ..., 'batch_stats': ...}, the latter {} where a network has none.
Variables = dict[str, Any]


class Outputs(NamedTuple):
  """Logits `f[n, o]` of a network, and the features `f[n, d]` of its head."""

  logits: Array
  features: Array


def init(net: nn.Module, key: Array, input_shape: tuple[int, ...]) -> Variables:
  """Draws fresh variables of a network.

  Args:
    net: the network.
    key: a random key.
    input_shape: `(H, W, C)` of the images.

  Returns:
    `params`, and `batch_stats`, which is empty without batch norm.

  Raises:
    UserError: if the images do not suit the network.
  """
  variables = _init(net, key, input_shape)
  return {
    'params': variables['params'],
    'batch_stats': variables.get('batch_stats', {}),
  }


# By value: of equal networks, one is compiled.
@partial(jax.jit, static_argnums=(0, 2))
def _init(
  net: nn.Module, key: Array, input_shape: tuple[int, ...]
) -> Mapping[str, Any]:
  return net.init(key, jnp.zeros((1, *input_shape)))


def apply(net: nn.Module, variables: Variables, x: Array) -> Outputs:
  """Runs a network in evaluation mode: batch norm uses its running statistics.

  On a CPU, many rows go by in blocks, from the first layer to the last: more
  than twice as fast.

  Args:
    net: the network.
    variables: as `init` returns them.
    x: images `f[n, H, W, C]`.
  """
  return in_blocks(partial(net.apply, variables), x, block_size(variables, x))


def apply_with_statistics(
  net: nn.Module, variables: Variables, x: Array
) -> tuple[Outputs, Array]:
  """Runs a network as `apply` does, and describes what its convolutions give.

  Args:
    net: the network.
    variables: as `init` returns them.
    x: images `f[n, H, W, C]`.

  Returns:
    The outputs, and `f[n, s]`: the mean and the standard deviation over pixels
    of each channel that a convolution gives; `s` is 0 where there is none. Of
    more than `STATISTICS` every second is taken, or every third, and so on.

  >>> from rdd_jax.networks.convnet import ConvNet
  >>> net, x = ConvNet(2, width=3, depth=2), jnp.ones((1, 8, 8, 1))
  >>> variables = init(net, jax.random.key(0), (8, 8, 1))
  >>> apply_with_statistics(net, variables, x)[1].shape
  (1, 12)
  """

  def run(x: Array) -> tuple[Outputs, Array]:
    outputs, kept = net.apply(
      variables, x, capture_intermediates=_convolves, mutable=['intermediates']
    )
    # What a network keeps of itself stands there too, under other names.
    maps = [
      leaf
      for path, leaf in jax.tree_util.tree_leaves_with_path(kept)
      if "'__call__'" in jax.tree_util.keystr(path) and leaf.ndim > 2
    ]
    found = [
      f(widened(m), tuple(range(1, m.ndim - 1)))
      for m in maps
      for f in (jnp.mean, jnp.std)
    ]
    every = jnp.concatenate([jnp.zeros((len(x), 0)), *found], -1)
    return outputs, every[:, :: max(-(-every.shape[1] // STATISTICS), 1)]

  return in_blocks(run, x, block_size(variables, x))


def _convolves(module: nn.Module, method: str) -> bool:
  del method
  return isinstance(module, (Conv, nn.Conv))


def block_size(
  variables: Variables, x: Array, *, training: bool = False
) -> int:
  """Returns how many rows are fast to take at once: on most devices, all.

  On a CPU, those whose first activations fill `CACHE`, unless the rows are
  shared out to devices, or have batch statistics of their own.

  Args:
    variables: of the network.
    x: images `f[n, H, W, C]`.
    training: whether batch norm uses the batch's statistics.
  """
  n, *shape = x.shape
  leaves = jax.tree.leaves(variables['params'])
  kernels = [k for k in leaves if k.ndim == 4 and k.shape[2] == shape[-1]]
  if (
    jax.default_backend() != 'cpu'
    or shares() > 1
    or not (kernels and len(shape) == 3)
    or (training and jax.tree.leaves(variables['batch_stats']))
  ):
    return n
  width = max(kernel.shape[-1] for kernel in kernels)
  size = shape[0] * shape[1] * width * x.dtype.itemsize
  return max(CACHE // size, 1)


def apply_training(
  net: nn.Module, variables: Variables, x: Array
) -> tuple[Outputs, Variables]:
  """Runs a network in training mode: batch norm uses the batch's statistics.

  Args:
    net: the network.
    variables: as `init` returns them.
    x: images `f[n, H, W, C]`.

  Returns:
    The outputs, and `variables` with the updated batch statistics.
  """
  outputs, updates = net.apply(
    variables, x, training=True, mutable=['batch_stats']
  )
  stats = updates.get('batch_stats', {})
  return outputs, {'params': variables['params'], 'batch_stats': stats}


def flatten(variables: Variables) -> Array:
  """Returns all variables as one vector `f[p]`: batch statistics come first."""
  return ravel_pytree(variables)[0]


def unflatten(
  net: nn.Module, input_shape: tuple[int, ...]
) -> Callable[[Array], Variables]:
  """Returns the function from a vector `f[p]` back to variables.

  Args:
    net: the network.
    input_shape: `(H, W, C)` of its images.

  >>> from rdd_jax.networks.convnet import ConvNet
  >>> net = ConvNet(2, width=3, depth=1, norm='batch')
  >>> variables = init(net, jax.random.key(0), (4, 4, 1))
  >>> back = unflatten(net, (4, 4, 1))(flatten(variables))
  >>> jax.tree.all(jax.tree.map(jnp.array_equal, back, variables))
  True
  """
  shapes = jax.eval_shape(
    lambda key: init(net, key, input_shape), jax.random.key(0)
  )
  zeros = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
  return ravel_pytree(zeros)[1]
