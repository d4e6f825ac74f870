"""Options of trust-aware diversion, as one value: its loops and thresholds."""

from __future__ import annotations

from typing import NamedTuple

from rdd_jax.core.errors import UserError
from rdd_jax.images.augment import Augment
from rdd_jax.robust.label_noise import relabel, trust
from rdd_jax.robust.label_noise.relabel import Relabel
from rdd_jax.robust.label_noise.trust import Division


class Diversion(NamedTuple):
  """How often the loops turn, and on what.

  Attributes:
    warm_up: steps of the probe on all rows as given.
    rounds: each divides, relabels, and trains the probe on both.
    steps: of the probe in a round.
    batch_size: of the probe.
    probes: networks that differ in start and draws, whose mean is asked.
    division: of the rounds.
    last: division of what is distilled from.
    relabel: of the rounds and of what is distilled from.
    weigh: rows count by the probability that probes give to their label, those
      that are not trusted as well, not by the cut alone.
    augment: of the rows that probes train on.
    views: augmented views in all of which a row must be consistent; 0 looks at
      the rows as they are.
    view: the augmentation of those.
  """

  warm_up: int = 600
  rounds: int = 3
  steps: int = 900
  batch_size: int = 64
  probes: int = 1
  division: Division = Division('agreement')
  last: Division = Division('either')
  relabel: Relabel = Relabel()
  weigh: bool = False
  augment: Augment | None = None
  views: int = 0
  view: Augment | None = None


def as_described(view: Augment | None) -> Diversion:
  """Returns the options that summaries of the paper describe, as one reading.

  Args:
    view: the augmentation under which rows must be consistent; None where it
      is given later.
  """
  both = Division('both', 'loss')
  return Diversion(
    division=both,
    last=both,
    relabel=Relabel('both', prior=False),
    views=2,
    view=view,
  )


def check(recipe: Diversion) -> None:
  """Raises a UserError for loops that cannot turn."""
  for division in (recipe.division, recipe.last):
    trust.check(division)
  relabel.check(recipe.relabel)
  if recipe.probes < 1:
    raise UserError(f'trust probes={recipe.probes}: give at least 1')
  if recipe.views and recipe.view is None:
    raise UserError(
      f'trust views={recipe.views} without an augmentation that tells them '
      "apart: give its families, such as 'crop'"
    )
