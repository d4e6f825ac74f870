"""Chains, probes and risks by the names that configurations use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import flax.linen as nn
import optax

from rdd_jax import corruptions, risk
from rdd_jax.defaults import Config
from rdd_jax.errors import UserError, choose
from rdd_jax.preprocessing import Preprocessing
from rdd_jax.probe import Probe, probe
from rdd_jax.risk import Risk
from rdd_jax.robust import balance, expose_outliers, tilt
from rdd_jax.transform import DataSpec, Transform, chain, identity

RISKS: dict[str, Callable[[], Risk]] = {
  'total': risk.total,
  'mean': risk.mean,
  'equal': risk.equal,
  'worst': risk.worst,
}

CORRUPTIONS: dict[str, Callable[[], corruptions.Corruption]] = {
  'invert': corruptions.invert,
  'shuffle_tiles': corruptions.shuffle_tiles,
  'speckle': corruptions.speckle,
  'pixelate': corruptions.pixelate,
}


class Context(NamedTuple):
  """What the factories of chains may depend on."""

  spec: DataSpec
  preprocess: Preprocessing


FACTORIES: dict[str, Callable[..., Transform]] = {
  'balance': lambda context: balance(
    context.spec.num_cells, _known_groups(context)
  ),
  'tilt': lambda context, across='mean', tail=1.0: tilt(
    choose('risk', across, RISKS)(),
    _known_groups(context),
    within=risk.cvar(tail),
  ),
  'expose_outliers': lambda context, corruptions=(), **options: expose_outliers(
    _one_of(corruptions or tuple(CORRUPTIONS)),
    context.spec.num_classes,
    to_pixels=context.preprocess.inverse,
    to_inputs=context.preprocess,
    **options,
  ),
}
PREPARING = ('balance',)  # those that act on the measure alone
SCORING = ('tilt',)  # the factories whose transforms ask for scores


def chains(config: Config, place: str, context: Context) -> Transform:
  """The chain that stands in a place of the distiller."""
  links = {}
  for name, options in config[place].to_dict().items():
    arguments = dict(options)
    kind = arguments.pop('factory', name)
    factory = choose('transform', kind, FACTORIES)
    if place != 'transform' and kind in PREPARING:
      raise UserError(
        f'config.{place}.{name} acts on the measure: put it in config.transform'
      )
    try:
      links[name] = factory(context, **arguments)
    except TypeError as error:
      raise UserError(f'config.{place}.{name}: {error}') from error
  return chain(**links) if links else identity()


def scoring_probe(
  config: Config,
  net: nn.Module,
  input_shape: tuple[int, ...],
  num_classes: int,
) -> Probe | None:
  """A probe where a transform asks for scores; it costs a step per step."""
  links = config.transform.to_dict()
  if not any(o.get('factory', name) in SCORING for name, o in links.items()):
    return None
  options = config.probe
  tx = optax.sgd(options.learning_rate, options.momentum)
  return probe(net, tx, input_shape, num_classes, decay=options.decay)


def _one_of(names: Sequence[str]) -> corruptions.Corruption:
  return corruptions.one_of(
    *(choose('corruption', name, CORRUPTIONS)() for name in names)
  )


def _known_groups(context: Context) -> int:
  if not context.spec.num_groups:
    raise UserError(
      'balance and tilt need groups, and this data set has none: give '
      'train_groups, as in npz:PATH'
    )
  return context.spec.num_groups
