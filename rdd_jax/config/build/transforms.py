"""Chains, probes and risks by the names that configurations use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import flax.linen as nn
import optax

from rdd_jax.config.build.context import Context, Factory
from rdd_jax.config.build.groups import GROUP_FACTORIES
from rdd_jax.config.build.outliers import OUTLIER_FACTORIES
from rdd_jax.config.build.training import dsa
from rdd_jax.config.defaults import Config
from rdd_jax.core import plugins
from rdd_jax.core.errors import UserError, choose
from rdd_jax.core.transform import Transform, chain, edits_batches, identity
from rdd_jax.robust import (
  clean_first,
  confident_learning,
  divert,
  oracle,
  trust_aware,
)
from rdd_jax.robust.label_noise.options import Diversion
from rdd_jax.robust.label_noise.relabel import Relabel
from rdd_jax.robust.label_noise.select import Selection
from rdd_jax.robust.label_noise.trust import Division
from rdd_jax.training.probe import Probe, probe

SCORES = 'scores'  # the field by which one's own link asks for a probe


def chains(config: Config, place: str, context: Context) -> Transform:
  """Builds the chain that stands in a place of the distiller.

  Args:
    config: of which the field `place` is read.
    place: 'transform', 'training' or 'student'.
    context: what links may depend on.

  Raises:
    UserError: for an unknown link, unknown fields of one, or one that acts on
      the measure where networks train.
  """
  given = []
  for name, options in config[place].to_dict().items():
    arguments = dict(options)
    kind = arguments.pop('factory', name)
    given.append((_rank(kind), name, kind, arguments))
  links = {
    name: _link(context, place, name, kind, arguments)
    for _, name, kind, arguments in sorted(given, key=lambda link: link[:2])
  }
  return chain(**links) if links else identity()


def _rank(kind: str) -> int:
  """Where a factory stands in a chain: one's own before the outliers."""
  order = list(FACTORIES)
  if plugins.is_own(kind):
    return 2 * order.index('expose_outliers') - 1
  choose('transform', kind, FACTORIES)
  return 2 * order.index(kind)


def _link(
  context: Context, place: str, name: str, kind: str, arguments: dict[str, Any]
) -> Transform:
  where = f'config.{place}.{name}'
  misplaced = UserError(
    f'{where} acts on the measure: put it in config.transform'
  )
  if plugins.is_own(kind):
    arguments.pop(SCORES, None)
    link = plugins.call(
      f'{where}.factory={kind}', kind, Transform, context, **arguments
    )
    # Nothing declares what one's own acts on.
    if place != 'transform' and not edits_batches(link):
      raise misplaced
    return link
  factory = FACTORIES[kind]
  if place != 'transform' and 'measure' in factory.acts_on:
    raise misplaced
  try:
    return factory.make(context, **arguments)
  except TypeError as error:
    raise UserError(f'{where}: {error}') from error


def scoring_probe(
  config: Config,
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_classes: int,
) -> Probe | None:
  """Builds a probe where a transform asks for scores; it costs a step per step.

  Args:
    config: of which `transform` and `probe` are read.
    net: the network that scores.
    input_shape: (H, W, C).
    num_classes: number of classes.

  Returns:
    The probe; None where no transform asks for scores.
  """
  scoring = {kind for kind, factory in FACTORIES.items() if factory.scores}
  if not any(
    link.get('factory', name) in scoring or link.get(SCORES)
    for name, link in config.transform.to_dict().items()
  ):
    return None
  options = config.probe
  tx = optax.sgd(options.learning_rate, options.momentum)
  return probe(net, tx, input_shape, num_classes, decay=options.decay)


def _trust_aware(
  context: Context, *, size: int = 512, **options: Any
) -> Transform:
  """TAD; each class keeps the rows that a synthetic set may start from."""
  selection = Selection(**options)
  rows = max(context.rows, selection.least_rows)
  return trust_aware(
    context.spec.num_classes,
    selection._replace(least_rows=rows),
    size=size,
    num_groups=context.spec.num_groups,
  )


def _confident(context: Context, **options: Any) -> Transform:
  return confident_learning(
    context.spec.num_classes, least_rows=context.rows, **options
  )


def _divert(
  context: Context,
  *,
  division: Mapping[str, Any] | None = None,
  last: Mapping[str, Any] | None = None,
  relabel: Mapping[str, Any] | None = None,
  augment: str = '',
  view: str = '',
  later: int = 0,
  learning_rate: float = 0.01,
  momentum: float = 0.9,
  weight_decay: float = 5e-4,
  decay: float = 0.995,
  **loops: Any,
) -> Transform:
  """TAD as it was; each class keeps rows that a set may start from."""
  if 'recall' in loops:
    raise UserError(
      f'transform.trust.recall={loops["recall"]}: what comes back with another '
      'label is now set by transform.trust.relabel'
    )
  start = Diversion()
  tx = optax.chain(
    optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate, momentum)
  )

  def divided(default: Division, options: Mapping[str, Any]) -> Division:
    chosen = Division(**{**default._asdict(), **options})
    rows = max(context.rows, chosen.least_rows)
    return chosen._replace(least_rows=rows)

  return divert(
    probe(
      context.net,
      tx,
      context.input_shape,
      context.spec.num_classes,
      decay=decay,
    ),
    context.preprocess,
    context.spec.num_classes,
    Diversion(
      **loops,
      division=divided(start.division, division or {}),
      last=divided(start.last, last or {}),
      relabel=Relabel(**{**start.relabel._asdict(), **(relabel or {})}),
      augment=dsa(augment, 'one', siamese=False),
      view=dsa(view, 'one', siamese=False),
    ),
    num_groups=context.spec.num_groups,
    later=later,
  )


def _clean_first(
  context: Context,
  *,
  learning_rate: float = 0.02,
  momentum: float = 0.9,
  weight_decay: float = 1e-3,
  **options: Any,
) -> Transform:
  tx = optax.chain(
    optax.add_decayed_weights(weight_decay), optax.sgd(learning_rate, momentum)
  )
  return clean_first(
    context.net,
    tx,
    context.input_shape,
    context.preprocess,
    context.spec.num_classes,
    **options,
  )


def _oracle(context: Context, *, relabel: bool = False) -> Transform:
  if context.truth is None:
    raise UserError(
      'an oracle needs to know which labels are wrong: inject them, by '
      'data.noise=symmetric-0.4'
    )
  return oracle(context.truth, relabel=relabel)


# A chain applies its links in this order, whatever their names: labels first,
# then groups and what is made of them, then one's own, and outliers last.
FACTORIES: dict[str, Factory] = {
  'oracle': Factory(_oracle, ('measure',)),
  'clean_first': Factory(_clean_first, ('measure',)),
  'confident_learning': Factory(_confident, ('measure',)),
  'trust_aware': Factory(_trust_aware, ('measure',)),
  'divert': Factory(_divert, ('measure',)),
  **GROUP_FACTORIES,
  **OUTLIER_FACTORIES,
}
