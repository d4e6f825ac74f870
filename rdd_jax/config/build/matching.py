"""Builds objectives that match: the signature of each names its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from rdd_jax.config.build import experts
from rdd_jax.config.build.context import Context
from rdd_jax.config.build.training import INNER, dsa
from rdd_jax.config.build.training import inner as inner_of
from rdd_jax.core.errors import UserError, choose

if TYPE_CHECKING:
  from rdd_jax.core.unroll import Adjoint
  from rdd_jax.objectives import Objective

Fields = Mapping[str, Any]


def adjoints() -> dict[str, Callable[[], Adjoint]]:
  """Returns how to differentiate through a student's training, by name."""
  from rdd_jax.core.unroll import backprop, checkpointed, tesla

  return {
    'checkpointed': checkpointed,
    'nested': lambda: checkpointed(None),
    'backprop': backprop,
    'tesla': tesla,  # approximate
  }


def distribution(
  context: Context,
  *,
  augment: str = '',  # Siamese DSA families; '' is none
  convention: str = 'one',  # of augment: 'one' family a call, or 'idc'
  matched_rows: int = 0,  # real ones of a cell; 0 is all that are drawn
  groups: int = 0,  # of a cell, matched apart; -1 those of the data, 0 none
) -> Objective:
  """Builds distribution matching: DM.

  Args:
    context: of the run.
    augment: Siamese DSA families; '' is none.
    convention: of `augment`: 'one' family a call, or 'idc'.
    matched_rows: real ones of a class; 0 is all that are drawn.
    groups: of a class, matched apart; -1 takes those of the data, 0 none.
  """
  from rdd_jax.objectives import distribution_matching

  options = _of_cells(context, augment, convention, matched_rows)
  return _by_group(
    context,
    groups,
    lambda classes, cells: distribution_matching(
      context.net, context.input_shape, cells, **options
    ),
  )


def gradient(
  context: Context,
  *,
  outer: int = 1,  # matchings in the life of a network
  distance: str = 'cosine',  # of gradients: 'cosine', 'mse', 'l1'
  augment: str = '',
  convention: str = 'one',
  matched_rows: int = 0,
  groups: int = 0,
  inner: Fields = INNER,  # the network's training between matchings
) -> Objective:
  """Builds gradient matching: DC, DSA, IDC.

  Args:
    context: of the run.
    outer: matchings in the life of a network.
    distance: of gradients: 'cosine', 'mse' or 'l1'.
    augment: as `distribution`, and so the next three.
    convention: of `augment`.
    matched_rows: real ones of a class.
    groups: of a class.
    inner: the network's training between matchings.

  Raises:
    UserError: for an unknown distance.
  """
  from rdd_jax.objectives import gradient_matching
  from rdd_jax.objectives.gradient import DISTANCES

  options = {
    **_of_cells(context, augment, convention, matched_rows),
    'inner': inner_of(context, **inner),
    'outer': outer,
    'distance': choose('distance', distance, DISTANCES),
  }
  return _by_group(
    context,
    groups,
    lambda classes, cells: gradient_matching(
      context.net, context.input_shape, classes, cells, **options
    ),
  )


def trajectory(
  context: Context,
  *,
  online: bool = False,  # experts train while they are matched
  adjoint: str = 'checkpointed',
  inner: Fields = INNER,  # the student's training
) -> Objective:
  """Builds the matching of the experts' trajectories: MTT, FTD, DATM.

  Args:
    context: of the run, whose `experts` are matched.
    online: whether experts train while they are matched.
    adjoint: of the student's training, a name in `adjoints`.
    inner: the student's training.

  Raises:
    UserError: for an unknown adjoint, or experts that do not go together.
  """
  from rdd_jax.objectives import online_trajectory_matching, trajectory_matching

  config, spec = context.config, context.spec
  sizes = (context.net, context.input_shape, spec.num_classes)
  common = {
    'inner': inner_of(context, **inner),
    'adjoint': choose('adjoint', adjoint, adjoints())(),
  }
  if not online:
    return trajectory_matching(*sizes, starts=experts.starts(config), **common)
  return online_trajectory_matching(
    *sizes,
    expert=experts.online(config),
    experts=config.experts.number,
    lifetime=config.experts.latest,
    **common,
  )


def unrolled(
  context: Context,
  *,
  window: int = 0,  # steps of a student that are differentiated; 0 is all
  earliest: int = -1,  # random windows start from here on; -1 takes the last
  adjoint: str = 'checkpointed',
  augment: str = '',  # DSA families of real rows
  convention: str = 'one',
  inner: Fields = INNER,  # the student's training
) -> Objective:
  """Builds differentiation through training: BPTT, RaT-BPTT.

  Args:
    context: of the run.
    window: steps of a student that are differentiated; 0 is all.
    earliest: random windows start from here on; -1 takes the last one.
    adjoint: of the student's training, a name in `adjoints`.
    augment: DSA families of real rows; '' is none.
    convention: of `augment`: 'one' family a call, or 'idc'.
    inner: the student's training.

  Raises:
    UserError: for an unknown adjoint, or windows longer than the training.
  """
  from rdd_jax.objectives import unrolled as unrolled_matching

  student = inner_of(context, **inner)
  try:
    return unrolled_matching(
      context.net,
      context.input_shape,
      context.spec.num_classes,
      context.spec.num_cells,
      inner=student,
      window=window or student.steps,
      earliest=None if earliest < 0 else earliest,
      augment=dsa(augment, convention, siamese=False),
      adjoint=choose('adjoint', adjoint, adjoints())(),
    )
  except ValueError as error:
    raise UserError(f'config.objective: {error}') from error


def _by_group(
  context: Context, groups: int, make: Callable[[int, int], Objective]
) -> Objective:
  """Cell by cell, or each group of a cell apart."""
  from rdd_jax.objectives import by_group

  sizes = context.spec.num_classes, context.spec.num_cells
  if groups < 0:
    groups = context.spec.num_groups
    if not groups:
      raise UserError(
        'objective.groups=-1 takes the groups of the data set, which has none: '
        'make some by data.rare=line-0.1, or find them by groups=found'
      )
  return by_group(make, *sizes, groups) if groups else make(*sizes)


def _of_cells(
  context: Context, augment: str, convention: str, matched_rows: int
) -> dict[str, Any]:
  """What objectives that match cell by cell share, for `map_cells`."""
  return {
    'real_rows': matched_rows or context.real_rows,
    'synthetic_rows': context.synthetic_rows,
    'augment': dsa(augment, convention, siamese=True),
  }


MATCHING: dict[str, Callable[..., Objective]] = {
  'distribution': distribution,
  'gradient': gradient,
  'trajectory': trajectory,
  'unrolled': unrolled,
}
