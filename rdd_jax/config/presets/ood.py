"""TrustDD's configurations: any method's, with outliers to be told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from rdd_jax.config import arguments
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.datasets import PHOTOGRAPHS, SETS, num_classes
from rdd_jax.config.presets.label_noise import extend, method_config
from rdd_jax.core.errors import UserError, choose
from rdd_jax.images.corruptions import CORE, RELEASED_DEFAULT, family_of

FAMILIES = {
  'core': CORE,
  'flat': (*CORE, 'flat'),
  'released': RELEASED_DEFAULT,
}
ARMS = ('on_the_fly', 'poe', 'sampled', 'none', 'double_ipc', 'oe:SOURCE')


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


ARGUMENTS = {
  'outliers': 'on_the_fly',
  'loss': 'reject',
  'families': '',
  'slots': 0,
}

ROWS = 50  # outliers of a step on the fly; a hundred were no better


def trustdd(dataset: str, arg: str = '') -> Config:
  """A method, with outliers.

  Every arm is judged on the same sets from elsewhere; those of which some arm
  trains on the kind are shown, and not averaged.

  Args:
    dataset: 'digits', or one that the method's presets know.
    arg: as the method's preset takes it, and
      `method`, by default 'dm';
      `outliers`, by default 'on_the_fly': made afresh of the distilled images
      while networks train on them; 'poe', the paper's form, distils corrupted
      rows in slots; 'sampled' stores such rows as they are; 'none';
      'double_ipc', as many images as 'poe' stores, all of classes; 'oe:SOURCE'
      distils real outliers, see `data.load_outliers`;
      `loss`, by default 'reject', a class of their own, or the paper's
      'uniform', or 'energy', a margin;
      `families`, by default 'core', six kinds of corruption, and of photographs
      'flat', these and shapes without texture; 'released' are the paper's four;
      `slots`, where outliers are stored, by default one for each class.
  """
  args, rest = arguments.split(arg, method='dm', **ARGUMENTS)
  config = method_config(dataset, args['method'], rest)
  config.name = f'trustdd_{dataset}'
  config.baselines = ('random', 'herding')
  expose(config, dataset, args)
  return config


def expose(config: Config, dataset: str, args: Mapping[str, Any]) -> None:
  """Adds outliers, and the sets on which networks are judged.

  Args:
    config: changed in place.
    dataset: whose sets.
    args: as ARGUMENTS.
  """
  config.outside.sets = SETS[dataset]
  usual = 'flat' if dataset in PHOTOGRAPHS else 'core'
  families = choose('families', args['families'] or usual, FAMILIES)
  # So that all arms average the same sets.
  seen = {*CORE}.union(*map(family_of, families))
  config.outside.seen = tuple(sorted(seen))
  loss = choose('outlier loss', args['loss'], LOSSES)
  config.synthetic.reject = loss.reject
  config.synthetic.outlier_weight = loss.weight
  kind, _, source = args['outliers'].partition(':')
  arm: dict[str, Callable[[], None]] = {
    'on_the_fly': lambda: _on_the_fly(config, families),
    'poe': lambda: _stored(config, args['slots'], _poe(families)),
    'sampled': lambda: _sampled(config, args['slots'], _poe(families)),
    'none': lambda: None,
    'double_ipc': lambda: _double(config),
    'oe': lambda: _stored(config, args['slots'], _oe(source)),
  }
  choose('arm', kind, arm)()
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


def _oe(source: str) -> dict[str, Any]:
  if not source:
    raise UserError(
      'outliers=oe needs a source of images: outliers=oe:tfds:tiny_imagenet'
    )
  return {'factory': 'oe', 'source': source}


def _on_the_fly(config: Config, families: tuple[str, ...]) -> None:
  config.student = {
    'outliers': {
      'factory': 'expose_outliers',
      'corruptions': families,
      'weight': config.synthetic.outlier_weight,
      'rows': ROWS,
    }
  }


def _stored(config: Config, slots: int, link: dict[str, Any]) -> None:
  """Outliers before matching, in slots as large as classes."""
  chosen, matched = config.synthetic, config.objective
  chosen.slots = slots or num_classes(config)
  link = {**link, 'weight': chosen.outlier_weight, 'slots': chosen.slots}
  if matched.name in ('distribution', 'gradient'):  # as many as of a class
    needed = max(
      matched.matched_rows or config.real_rows, chosen.ipc * chosen.factor**2
    )
    link['rows'] = chosen.slots * needed
  extend(config, {'outliers': link})


def _sampled(config: Config, slots: int, link: dict[str, Any]) -> None:
  _stored(config, slots, link)
  config.synthetic.still_outliers = True


def _double(config: Config) -> None:
  config.synthetic.ipc *= 2
