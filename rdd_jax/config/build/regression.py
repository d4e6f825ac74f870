"""Kernels and regression objectives by the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flax.linen as nn

from rdd_jax import kernels
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.losses import RowLosses, SquaredError, cross_entropy
from rdd_jax.core.transform import DataSpec
from rdd_jax.evaluation.regression import KINDS
from rdd_jax.images.augment import Augment
from rdd_jax.kernels import Finite, Kernel
from rdd_jax.objectives import (
  Inner,
  MarginLoss,
  Objective,
  frepo,
  kip,
  pool,
  rcig,
  regression_matching,
  rfad,
)
from rdd_jax.objectives.regression.base import Method
from rdd_jax.objectives.regression.pool import Pool

LOSSES: dict[str, RowLosses] = {
  'squared': SquaredError(),
  'margin': MarginLoss(),
  'cross_entropy': cross_entropy,
}
REGRESSIONS = ('kip', 'frepo', 'rfad', 'rcig')


def closed_form(config: Config) -> Kernel:
  """The kernel that `config.kernel` describes, in blocks."""
  options = config.kernel
  sizes = options.depth, options.w_std, options.b_std
  table: dict[str, Callable[[], Kernel]] = {
    'fully_connected': lambda: kernels.fully_connected(*sizes),
    'convolutional': lambda: kernels.convolutional(*sizes, **_pooling(config)),
  }
  kernel = choose('kernel', options.name, table)()
  return kernels.blockwise(kernel, options.block)


def random_network(config: Config) -> Finite:
  """A finite network whose wide limit `closed_form` is."""
  options = config.kernel
  given = (options.depth, options.width, 1, options.w_std, options.b_std)
  table: dict[str, Callable[[], Finite]] = {
    'fully_connected': lambda: kernels.finite_fully_connected(*given),
    'convolutional': lambda: kernels.finite_convolutional(
      *given, **_pooling(config)
    ),
  }
  return choose('kernel', options.name, table)()


def _pooling(config: Config) -> dict[str, Any]:
  options = config.kernel
  return {'halve': options.halve, 'global_pool': options.global_pool}


def regression(
  config: Config,
  net: nn.Module,
  input_shape: tuple[int, ...],
  spec: DataSpec,
  inner: Inner,
  augment: Augment | None,
) -> Objective:
  """The regression that `objective.name` names.

  Args:
    config: of which `objective` and `kernel` are read.
    net: of pools.
    input_shape: `(height, width, channels)`.
    spec: the sizes.
    inner: how networks of a pool train; their loss is the squared error.
    augment: of real rows.
  """
  options = config.objective
  ridge = options.ridge

  def networks() -> Pool:
    return pool(
      net,
      inner._replace(losses=SquaredError()),
      input_shape,
      spec.num_classes,
      size=options.pool,
      lifetime=options.lifetime,
    )

  table: dict[str, Callable[[], Method]] = {
    'kip': lambda: kip(
      closed_form(config),
      ridge=ridge,
      which=choose('kernel kind', config.kernel.which, KINDS),
    ),
    'frepo': lambda: frepo(net, networks(), ridge=ridge),
    'rfad': lambda: rfad(
      random_network(config), input_shape, number=options.pool, ridge=ridge
    ),
    'rcig': lambda: rcig(
      net, networks(), ridge=ridge, iterations=options.iterations
    ),
  }
  return regression_matching(
    choose('regression', options.name, table)(),
    spec.num_classes,
    spec.num_cells,
    losses=choose('regression loss', options.loss, LOSSES),
    augment=augment,
    mirror=options.mirror,
  )


def check(config: Config) -> None:
  """Raises a UserError where labels of regressions meet what takes none."""
  chosen, name = config.synthetic, config.objective.name
  if name not in REGRESSIONS and (
    chosen.labels == 'free' or chosen.label_scale
  ):
    raise UserError(
      f'synthetic.labels={chosen.labels} with label_scale='
      f"{chosen.label_scale} are a regression's, and objective.name={name} is "
      f'none: use {", ".join(REGRESSIONS)}, or labels=hard and label_scale=0'
    )
  if chosen.labels == 'free' and config.evaluation.loss != 'squared':
    raise UserError(
      'synthetic.labels=free need not be probabilities: set '
      'evaluation.loss=squared'
    )
