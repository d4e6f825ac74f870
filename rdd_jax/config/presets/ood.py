"""TrustDD's configurations: any method's, with outliers to be told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rdd_jax.config import arguments
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import num_classes, with_fact
from rdd_jax.config.presets.label_noise import extend
from rdd_jax.config.presets.methods import OUTLIERS
from rdd_jax.config.presets.options import some
from rdd_jax.config.presets.registry import method_config
from rdd_jax.core.errors import UserError
from rdd_jax.images.families import CORE, RELEASED_DEFAULT, family_of

FAMILIES = {
  'core': CORE,
  'flat': (*CORE, 'flat'),
  'released': RELEASED_DEFAULT,
}


class Loss(NamedTuple):
  """What is asked of outliers.

  Attributes:
    reject: whether they are a class of their own.
    weight: lambda.
    energy_margin: see `losses.EnergyMargin`; none without.
  """

  reject: bool = False
  weight: float = 0.5  # as released, and in Hendrycks et al. 2019
  energy_margin: tuple[float, ...] = ()


LOSSES = {
  'reject': Loss(reject=True),
  'uniform': Loss(),
  'energy': Loss(weight=0.1, energy_margin=(10.0, 3.0, 0.1)),
}


REAL = ('oe', 'sampled', 'poe+oe')  # kinds that a source may follow
_KINDS = ('outliers', 'others')  # names of their links
ROWS = 50  # outliers of a step on the fly; a hundred were no better


def trustdd(dataset: str, arg: str = '') -> Config:
  """Returns a method, with outliers.

  Each choice of outliers is tested on the same out-of-distribution sets; those
  of which some choice trains on the kind are shown, and not averaged.

  Args:
    dataset: a name in `DATA`, with out-of-distribution sets.
    arg: as the method takes it, and `method`, `outliers`, `loss`, `families`
      and `slots`, see `options`.
  """
  args, rest = arguments.split(arg, **some('method', *OUTLIERS))
  config = method_config(dataset, args['method'], rest)
  config.name = f'trustdd_{dataset}'
  config.baselines = ('random', 'herding')
  expose(config, dataset, args)
  return config


def expose(config: Config, dataset: str, args: Mapping[str, Any]) -> None:
  """Adds outliers, and the sets on which networks are evaluated.

  Args:
    config: changed in place.
    dataset: whose sets.
    args: values of the arguments `OUTLIERS`.
  """
  kind, _, source = args['outliers'].partition(':')
  if source and kind not in REAL:
    raise UserError(
      f'outliers={args["outliers"]}: {kind} takes no source; give '
      f'outliers={kind}, or outliers=oe:{source}'
    )
  data = with_fact(dataset, 'ood_sets')
  config.outside.sets = data.ood_sets
  usual = 'flat' if data.photographs else 'core'
  families = FAMILIES[args['families'] or usual]
  # So that all choices of outliers average the same sets.
  seen = {*CORE}.union(*map(family_of, families))
  seen |= {source.partition('@')[0]} if source else set()
  config.outside.seen = tuple(sorted(seen))
  loss = LOSSES[args['loss']]
  config.synthetic.reject = loss.reject
  config.synthetic.outlier_weight = loss.weight
  make: dict[str, Callable[[], None]] = {
    'on_the_fly': lambda: _on_the_fly(config, families),
    'poe': lambda: _stored(config, args['slots'], _poe(families)),
    'sampled': lambda: _sampled(
      config, args['slots'], _oe(source, args) if source else _poe(families)
    ),
    'none': lambda: None,
    'double_ipc': lambda: _double(config),
    'oe': lambda: _stored(config, args['slots'], _oe(source, args)),
    'poe+oe': lambda: _stored(
      config, args['slots'], _poe(families), _oe(source, args)
    ),
  }
  make[kind]()
  if kind in ('none', 'double_ipc'):
    config.synthetic.reject = False  # Nothing would train that output.
  else:
    config.evaluation.energy_margin = loss.energy_margin


def _poe(families: tuple[str, ...]) -> dict[str, Any]:
  return {
    'factory': 'expose_outliers',
    'corruptions': families,
    'by_slot': True,
  }


def _oe(source: str, args: Mapping[str, Any]) -> dict[str, Any]:
  if not source:
    kind = args['outliers'].rstrip(':')
    raise UserError(
      f'outliers={kind} needs a source of images: '
      f'outliers={kind}:tfds:tiny_imagenet'
    )
  return {'factory': 'oe', 'source': source, 'overlap': args['overlap']}


def _on_the_fly(config: Config, families: tuple[str, ...]) -> None:
  config.student = {
    'outliers': {
      'factory': 'expose_outliers',
      'corruptions': families,
      'weight': config.synthetic.outlier_weight,
      'rows': ROWS,
    }
  }


def _stored(config: Config, slots: int, *links: dict[str, Any]) -> None:
  """Outliers before matching, in slots as large as classes, for each kind."""
  chosen, matched = config.synthetic, config.objective
  chosen.slots = slots or num_classes(config)
  if chosen.slots < len(links):
    raise UserError(
      f'slots={chosen.slots} for {len(links)} kinds of outliers: give at least '
      f'slots={len(links)}'
    )
  for i, (name, link) in enumerate(zip(_KINDS, links, strict=False)):
    first, end = (chosen.slots * j // len(links) for j in (i, i + 1))
    share = end - first
    if i < len(links) - 1 and share < len(link.get('corruptions', ())):
      link = {**link, 'by_slot': False}  # so that no family is left out
    link = {
      **link,
      'weight': chosen.outlier_weight * share / chosen.slots,
      'slots': share,
      **({'first': first} if first else {}),
    }
    if matched.name in ('distribution', 'gradient'):  # as many as of a class
      needed = max(
        matched.matched_rows or config.real_rows, chosen.ipc * chosen.factor**2
      )
      link['rows'] = share * needed
    extend(config, {name: link})


def _sampled(config: Config, slots: int, link: dict[str, Any]) -> None:
  _stored(config, slots, link)
  config.synthetic.still_outliers = True


def _double(config: Config) -> None:
  config.synthetic.ipc *= 2
