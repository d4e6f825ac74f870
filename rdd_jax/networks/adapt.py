"""Networks of others, which return logits alone."""

from __future__ import annotations

import inspect
from typing import Any

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp

from rdd_jax.core.errors import UserError, one_line
from rdd_jax.networks.functional import Outputs


class Plain(nn.Module):
  """Runs a module that returns logits, which are its features as well.

  Attributes:
    net: the module.
    takes_training: whether its `__call__` takes `training`.
  """

  net: nn.Module
  takes_training: bool

  @nn.compact
  def __call__(self, x: Array, *, training: bool = False) -> Outputs:
    """Returns logits `f[n, o]`, twice."""
    given = {'training': training} if self.takes_training else {}
    logits = self.net(x, **given)
    return Outputs(logits, logits)


def adapt(
  net: nn.Module, input_shape: tuple[int, ...], num_outputs: int
) -> nn.Module:
  """Returns a module that returns `Outputs`: `net` itself, if it does.

  Args:
    net: from images `f[n, H, W, C]` to logits `f[n, num_outputs]`, or to
      `Outputs`; it may take `training`, a bool by keyword.
    input_shape: `(H, W, C)`.
    num_outputs: classes, and the reject class if there is one.

  Raises:
    UserError: if it returns anything else, or cannot run on such images.

  >>> adapt(nn.Sequential([jnp.ravel]), (2, 2, 1), 3)
  Traceback (most recent call last):
  rdd_jax.core.errors.UserError: the network returns float32[4] for images \
float32[1,2,2,1]; give one that returns 3 logits for each
  """
  images = jax.ShapeDtypeStruct((1, *input_shape), jnp.float32)
  try:
    found: Any = jax.eval_shape(net.init_with_output, jax.random.key(0), images)
  except UserError:
    raise
  except Exception as error:  # of the user's module
    raise UserError(
      f'the network cannot run on images [1, {input_shape}]: {one_line(error)}'
    ) from error
  output = found[0]
  logits = output.logits if isinstance(output, Outputs) else output
  if getattr(logits, 'shape', None) != (1, num_outputs):
    raise UserError(
      f'the network returns {_shape(logits)} for images {_shape(images)}; give '
      f'one that returns {num_outputs} logits for each'
    )
  if isinstance(output, Outputs):
    return net
  parameters = inspect.signature(type(net).__call__).parameters
  return Plain(net, 'training' in parameters)


def _shape(output: Any) -> str:
  if not hasattr(output, 'shape'):
    return type(output).__name__
  return f'{output.dtype}[{",".join(map(str, output.shape))}]'
