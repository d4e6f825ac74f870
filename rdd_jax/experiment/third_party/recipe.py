"""How sets of others are judged: the configuration, and what is said of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import math
from pathlib import Path
from typing import Any

from rdd_jax import data, networks
from rdd_jax.artifact import third_party
from rdd_jax.artifact.third_party.pick import RATES
from rdd_jax.config import defaults
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets import datasets, gradient
from rdd_jax.core.errors import UserError
from rdd_jax.networks import spell


def preset_for(name: str) -> Config | None:
  """Returns the preset that judges sets on a data set, of any version of it.

  None for a data set that has none.

  >>> preset_for('tfds:cifar10:3.0.2').data.name
  'tfds:cifar10:3.0.2'
  """
  known = datasets.by_source(name)
  if known is None or not datasets.DATA[known].published:
    return None
  config = gradient.dm(known)
  config.data.name = name
  return config


def config_for(name: str, dataset: data.Dataset) -> Config:
  """Returns how sets on a data set are evaluated: its preset's recipe, if any.

  Elsewhere a ConvNet as deep as the images allow, without augmentation.

  Args:
    name: of the data set, as `config.data.name`.
    dataset: whose image shape gives the depth.
  """
  config = preset_for(name)
  if config is not None:
    return config
  config = defaults.config()
  config.name = name
  config.data.name = name
  config.network.depth = networks.fitting_depth(dataset.image_shape)
  return config


def origin(name: str, like: bool) -> str:
  """Returns the sentence that says where network and recipe come from.

  Args:
    name: of the data set.
    like: a configuration was given.

  >>> origin('tfds:cifar10/3.0.2', False)
  'network and recipe are those of DM on cifar10; --like=CONFIG takes others'
  """
  if like:
    return 'network and recipe are those of --like'
  config = preset_for(name)
  if config is None:
    return (
      f'no preset is known for {name}: network and recipe are the defaults, '
      'without augmentation; --like=CONFIG takes others'
    )
  return (
    f'network and recipe are those of DM on {datasets.by_source(name)}; '
    '--like=CONFIG takes others'
  )


def learning_rate(text: str) -> float:
  """Returns a learning rate, given as a number or as the file that holds it.

  The text is '0.02', or the path of a file with one number in it, or `syn_lr`.

  Raises:
    UserError: if it is neither, or not positive.

  >>> learning_rate('0.02')
  0.02
  """
  try:
    rate = float(text)
  except ValueError:
    rate = _read_rate(Path(text))
  if not math.isfinite(rate) or rate <= 0:
    raise UserError(
      f'--learning_rate={text} is {rate:g}; give a number above 0, or a file '
      'that holds one'
    )
  return rate


def found_rate(
  arrays: Mapping[str, Any], where: str, given: str = ''
) -> tuple[str, ...]:
  """Returns a note where the file of a set holds a learned rate too.

  Args:
    arrays: of the file, by name.
    where: the path of the file.
    given: the learning rate that was given, if one was.

  >>> found_rate({'images': 0}, 'a.npz')
  ()
  """
  name = next((n for n in arrays if n.rpartition('.')[2] in RATES), None)
  if name is None or given:
    return ()
  return (
    f'the learned rate {name!r} is not used; --learning_rate={where} takes it',
  )


def describe(
  evaluation: Mapping[str, Any],
  network: Mapping[str, Any],
  networks: Sequence[str] = (),
  epochs: int | None = None,
) -> str:
  """Returns the sentence that says how a set is judged.

  Args:
    evaluation: of a card.
    network: of a card.
    networks: others that were asked for.
    epochs: instead of those on the card.

  >>> recipe = defaults.config().evaluation.to_dict()
  >>> describe(recipe, {'name': 'mlp', 'depth': 2}, epochs=3)[:62]
  'judged by mlp:depth=2, 3 epochs of batches of 256, sgd at 0.01'
  """
  own = spell(network)
  augment = evaluation['augment']
  told = [
    f'judged by {", ".join(networks) or own}',
    f'{epochs or evaluation["epochs"]} epochs of batches of '
    f'{evaluation["batch_size"]}',
    f'{evaluation["optimizer"]} at {evaluation["learning_rate"]:g} '
    f'({evaluation["schedule"]})',
    f'momentum {evaluation["momentum"]:g}',
    f'weight decay {evaluation["weight_decay"]:g}',
    f'augmentation {augment}' if augment else 'no augmentation',
  ]
  if augment and evaluation.get('convention', 'one') != 'one':
    told[-1] += f' as {evaluation["convention"].upper()} does it'
  for name in ('cutmix', 'mixup', 'ema'):
    if evaluation.get(name):
      told.append(f'{name} {evaluation[name]:g}')
  if evaluation.get('loss', 'cross_entropy') != 'cross_entropy':
    told.append(f'by the {evaluation["loss"]} error')
  return ', '.join(told)


def _read_rate(path: Path) -> float:
  arrays = third_party.read(path).arrays
  named = [a for n, a in arrays.items() if n.rpartition('.')[2] in RATES]
  found = [a for a in named or arrays.values() if a.size == 1]
  if len(found) != 1:
    raise UserError(
      f'--learning_rate={path} holds {len(found)} single numbers among '
      f'{", ".join(list(arrays)[:6]) or "nothing"}; give the number itself'
    )
  return float(found[0].item())
