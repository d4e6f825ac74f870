"""Kernels, and objectives that regress, by the names of configurations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import inspect
from typing import TYPE_CHECKING, Any

from rdd_jax.config.build.context import Context
from rdd_jax.config.build.training import INNER, dsa
from rdd_jax.config.build.training import inner as inner_of
from rdd_jax.core.errors import UserError, choose

if TYPE_CHECKING:
  from rdd_jax.config.defaults import Config
  from rdd_jax.core.losses import RowLosses
  from rdd_jax.kernels import Finite, Kernel
  from rdd_jax.objectives import Objective
  from rdd_jax.objectives.regression.base import Method
  from rdd_jax.objectives.regression.pool import Pool


def losses() -> dict[str, RowLosses]:
  """Returns the losses of real rows, by name."""
  from rdd_jax.core.losses import SquaredError, cross_entropy
  from rdd_jax.objectives import MarginLoss

  return {
    'squared': SquaredError(),
    'margin': MarginLoss(),
    'cross_entropy': cross_entropy,
  }


def closed_form(config: Config) -> Kernel:
  """Builds the kernel that `config.kernel` describes, in blocks.

  Raises:
    UserError: for an unknown kernel.
  """
  from rdd_jax import kernels

  options = config.kernel
  sizes = options.depth, options.w_std, options.b_std
  table: dict[str, Callable[[], Kernel]] = {
    'fully_connected': lambda: kernels.fully_connected(*sizes),
    'convolutional': lambda: kernels.convolutional(*sizes, **_pooling(config)),
  }
  kernel = choose('kernel', options.name, table)()
  return kernels.blockwise(kernel, options.block)


def random_network(config: Config) -> Finite:
  """Builds a finite network whose infinite-width limit `closed_form` is.

  Raises:
    UserError: for an unknown kernel.
  """
  from rdd_jax import kernels

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


def kip(context: Context) -> Method:
  """Builds kernel inducing points, by the kernel of `config.kernel`.

  Raises:
    UserError: for an unknown kernel, or an unknown kind of it.
  """
  from rdd_jax import objectives
  from rdd_jax.evaluation.regression import KINDS

  options = context.config.kernel
  which = choose('kernel kind', options.which, KINDS)
  return objectives.kip(
    closed_form(context.config), ridge=options.ridge, which=which
  )


def frepo(
  context: Context,
  *,
  pool: int = 10,  # networks in it
  lifetime: int = 100,  # training steps in the life of one
  inner: Mapping[str, Any] = INNER,  # its training; its loss is the squared one
) -> Method:
  """Builds neural feature regression with pooling.

  Args:
    context: of the run, whose `kernel.ridge` is read.
    pool: number of networks in it.
    lifetime: training steps in the life of one.
    inner: its training; its loss is the squared error.
  """
  from rdd_jax import objectives

  networks = _pool(context, pool, lifetime, inner)
  ridge = context.config.kernel.ridge
  return objectives.frepo(context.net, networks, ridge=ridge)


def rfad(context: Context, *, pool: int = 10) -> Method:
  """Builds random feature approximation by networks of `config.kernel`.

  Args:
    context: of the run, whose `kernel` is read.
    pool: number of networks.
  """
  from rdd_jax import objectives

  network = random_network(context.config)
  ridge = context.config.kernel.ridge
  return objectives.rfad(network, context.input_shape, number=pool, ridge=ridge)


def rcig(
  context: Context,
  *,
  pool: int = 10,
  lifetime: int = 100,
  iterations: int = 20,  # of conjugate gradients, at most
  inner: Mapping[str, Any] = INNER,
) -> Method:
  """Builds convexified implicit gradients.

  Args:
    context: as `frepo`, and so the next two and the last.
    pool: number of networks.
    lifetime: training steps in the life of one.
    iterations: of conjugate gradients, at most.
    inner: the training of one.
  """
  from rdd_jax import objectives

  networks = _pool(context, pool, lifetime, inner)
  ridge = context.config.kernel.ridge
  return objectives.rcig(
    context.net, networks, ridge=ridge, iterations=iterations
  )


def _pool(
  context: Context, size: int, lifetime: int, inner: Mapping[str, Any]
) -> Pool:
  from rdd_jax import objectives
  from rdd_jax.core.losses import SquaredError

  return objectives.pool(
    context.net,
    inner_of(context, **inner)._replace(losses=SquaredError()),
    context.input_shape,
    context.spec.num_classes,
    size=size,
    lifetime=lifetime,
  )


def _matching(
  context: Context,
  method: Method,
  *,
  loss: str = 'squared',  # of real rows; or 'margin' (FRePo), 'cross_entropy'
  mirror: bool = False,  # regresses on mirror images of synthetic rows as well
  augment: str = '',  # DSA families of real rows
  convention: str = 'one',  # of augment: 'one' family a call, or 'idc'
) -> Objective:
  from rdd_jax.objectives import regression_matching

  return regression_matching(
    method,
    context.spec.num_classes,
    context.spec.num_cells,
    losses=choose('regression loss', loss, losses()),
    augment=dsa(augment, convention, siamese=False),
    mirror=mirror,
  )


def _objective(make: Callable[..., Method]) -> Callable[..., Objective]:
  """A method with the fields of every regression besides its own."""
  signature = inspect.signature(make)
  _, _, *common = inspect.signature(_matching).parameters.values()

  def build(context: Context, **fields: Any) -> Objective:
    rest = {p.name: fields.pop(p.name) for p in common if p.name in fields}
    return _matching(context, make(context, **fields), **rest)

  build.__signature__ = signature.replace(  # pyright: ignore
    parameters=[*signature.parameters.values(), *common]
  )
  return build


REGRESSIONS: dict[str, Callable[..., Objective]] = {
  method.__name__: _objective(method) for method in (kip, frepo, rfad, rcig)
}


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
