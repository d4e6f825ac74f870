"""What batch norm sees of a batch, beside what it remembers."""

from __future__ import annotations

from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jax import Array

from rdd_jax.core.errors import UserError
from rdd_jax.networks.functional import Outputs, Variables
from rdd_jax.networks.layers import widened


class Moments(NamedTuple):
  """Mean and variance `f[c]` of each channel."""

  mean: Array
  variance: Array


def apply_with_moments(
  net: nn.Module, variables: Variables, x: Array
) -> tuple[Outputs, list[tuple[Moments, Moments]]]:
  """Runs a network in evaluation mode, and looks into its batch norms.

  Args:
    net: the network.
    variables: as `init` returns them.
    x: images `f[n, H, W, C]`, all of them one batch.

  Returns:
    The outputs, and for each batch norm, in the order of calls, the moments of
    what comes in, over rows and pixels, and its running ones.

  Raises:
    UserError: for a network without batch norm.

  >>> import jax.numpy as jnp
  >>> from rdd_jax.networks.convnet import ConvNet
  >>> from rdd_jax.networks.functional import init
  >>> net = ConvNet(2, width=3, depth=2, norm='batch')
  >>> variables = init(net, jax.random.key(0), (8, 8, 1))
  >>> seen = apply_with_moments(net, variables, jnp.ones((5, 8, 8, 1)))[1]
  >>> len(seen), seen[0][0].mean.shape
  (2, (3,))
  """
  if not jax.tree.leaves(variables['batch_stats']):
    raise UserError(
      'this network has no batch norm, whose running statistics are to be '
      "matched: set network.norm='batch', or take another network"
    )
  seen: list[tuple[Moments, Moments]] = []

  def look(run: Any, args: Any, kwargs: Any, context: Any) -> Any:
    module = context.module
    if isinstance(module, nn.BatchNorm) and context.method_name == '__call__':
      rows = widened(args[0])
      axes = tuple(range(rows.ndim - 1))
      own = Moments(rows.mean(axes), rows.var(axes))
      kept = module.variables['batch_stats']
      seen.append((own, Moments(kept['mean'], kept['var'])))
    return run(*args, **kwargs)

  # Not in blocks of rows: they are one batch.
  with nn.intercept_methods(look):
    outputs = net.apply(variables, x)
  return outputs, seen  # pyright: ignore[reportReturnType]
