"""Options of trust-aware diversion, as values: its loops and thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from rdd_jax.core.errors import UserError

if TYPE_CHECKING:
  from rdd_jax.images.augment import Augment

Score = Literal['loss', 'log_loss', 'regret']
Rule = Literal['agreement', 'mixture', 'either', 'both', 'small_loss']
Measure = Literal['mahalanobis', 'cosine', 'both', 'confidence', 'none']


class Division(NamedTuple):
  """How rows are divided into trusted and untrusted ones.

  Attributes:
    rule: trusted are those whose label the probe prefers ('agreement'), those
      of the mixture's low component ('mixture'), 'either', 'both', or the
      `keep` share of each class with the smallest score ('small_loss').
    score: what the mixture is of: the 'loss', its logarithm, or the 'regret',
      the loss less that of the preferred class.
    threshold: on the posterior of the low component.
    by_class: a mixture for each label as given, not one for all.
    by_group: where groups are known, a mixture for each label within each
      group: rows of a rare group are harder than others of their class, and are
      compared to each other.
    keep: see `rule`.
    least: share of each class that is trusted in any case, by regret: a weak
      probe agrees with hardly any row of a hard class.
    least_in_group: share, likewise, of each label within each known group.
    least_rows: number of rows of each class, likewise, so that none is left
      without.
  """

  rule: Rule = 'agreement'
  score: Score = 'log_loss'
  threshold: float = 0.5
  by_class: bool = True
  by_group: bool = True
  keep: float = 0.6
  least: float = 0.0
  least_in_group: float = 0.45
  least_rows: int = 20


class Relabel(NamedTuple):
  """Which rows come back, and with what label.

  Attributes:
    by: the margin between the two nearest anchors by squared 'mahalanobis'
      distance, likewise by 'cosine' similarity, 'both' at once (rows on whose
      class they agree, each in its better `fraction`), the probe's own
      'confidence', or 'none': nothing comes back.
    fraction: of the untrusted rows, those with the largest margin.
    shrinkage: of the covariance of features to a multiple of the identity.
    soft: targets are the posterior of the classes, not the nearest one.
    beyond: only rows further from the anchor of their given class, by squared
      Mahalanobis distance, than this share of its trusted rows: a row that the
      probe takes for another, and that yet looks like its label, may be hard
      and not wrong. 0 asks for nothing.
    prior: what the label as given says counts as well: how often rows of that
      label are nearest to each class.
  """

  by: Measure = 'mahalanobis'
  fraction: float = 0.5
  shrinkage: float = 0.1
  soft: bool = False
  beyond: float = 0.0
  prior: bool = True


class Selection(NamedTuple):
  """How much noise may be handed on, and what must be kept.

  Attributes:
    share_of_noise: of the estimated noise as given, what the trusted rows may
      have of it; a quarter is what is promised, and estimates err.
    floor: noise that is allowed in any case, so that clean labels stay.
    least_trusted: posterior of the label that a trusted row has.
    least_kept: of the right rows that each class is expected to have, the share
      that is trusted whatever noise comes with it.
    least_rows: of each class, likewise.
    least_right: posterior of the new label that a relabeled row has; above 1
      relabels none.
    margin: relabeled rows are at most this share as wrong as trusted ones.
  """

  share_of_noise: float = 0.2
  floor: float = 0.02
  least_trusted: float = 0.5
  least_kept: float = 0.75
  least_rows: int = 20
  least_right: float = 0.8
  margin: float = 0.5


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
  from rdd_jax.robust.label_noise import relabel, trust

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
