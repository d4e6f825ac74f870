"""Objectives of decoupled methods, which look at a teacher and no real row."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from rdd_jax.config.build.context import Context
from rdd_jax.config.build.training import dsa
from rdd_jax.core.errors import UserError

if TYPE_CHECKING:
  from rdd_jax.objectives import Objective


def recovery(
  context: Context,
  *,
  alpha: float = 0.01,  # weight of the statistics of batch norms
  first: float = 10.0,  # what the first of them counts
  jitter: int = 4,  # pixels by which images are rolled, at most
  rows: int = 100,  # of a batch whose statistics are matched, at least
  augment: str = '',  # DSA families of each image; '' is none
  convention: str = 'one',
) -> Objective:
  """Builds the recovery of images from a teacher: SRe2L.

  Args:
    context: of the run, of whose experts the first one teaches.
    alpha: weight of the statistics of batch norms.
    first: what the first of them counts.
    jitter: pixels by which images are rolled, at most.
    rows: of a batch whose statistics are matched, at least.
    augment: DSA families of each image; '' is none.
    convention: of `augment`: 'one' family a call, or 'idc'.

  Raises:
    UserError: for a network without batch norm, or an unknown family.
  """
  from rdd_jax.objectives.recovery import recovery as recover
  from rdd_jax.synthetic.view import layout

  chosen = context.config.synthetic
  cells = layout(
    context.spec.num_classes, chosen.ipc, chosen.slots, chosen.slot_images
  )
  return recover(
    context.net,
    context.input_shape,
    context.spec.num_classes,
    cells.repeat(chosen.factor**2),
    alpha=alpha,
    first=first,
    jitter=jitter,
    rows=rows,
    augment=dsa(augment, convention, siamese=False),
  )


def selection(context: Context) -> Objective:
  """Builds what distills nothing: the set stays as `init=selected` began it.

  Args:
    context: of the run.

  Raises:
    UserError: unless there are no steps.
  """
  from rdd_jax.objectives.selection import selection as nothing

  if context.config.steps:
    raise UserError(
      f'steps={context.config.steps} with objective.name=selection, which '
      'distills nothing: set steps=0, or begin another objective from a '
      'selection by synthetic.init=selected'
    )
  return nothing()


DECOUPLED: dict[str, Callable[..., Objective]] = {
  'recovery': recovery,
  'selection': selection,
}
