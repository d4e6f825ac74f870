"""Reads the set of `synthetic.init`: one of ours, or what others saved."""

from __future__ import annotations

import difflib
from functools import partial
from pathlib import Path
import re
from typing import Any

from rdd_jax.artifact import card as cards
from rdd_jax.artifact import store, third_party
from rdd_jax.artifact.load import own
from rdd_jax.config.defaults import Config
from rdd_jax.core.errors import UserError
from rdd_jax.data import Dataset
from rdd_jax.images.preprocessing import Preprocessing

INITS = ('real', 'noise', 'predicted', 'selected')
# What may follow the path of another's set, see `third_party.understand`.
OPTIONS = (
  'labels',
  'scale',
  'label_kind',
  'layout',
  'images_key',
  'labels_key',
  'experiment',
)
FIELDS = {
  'dataset': 'data.name',
  'size': 'data.size',
  'channels': 'data.channels',
  'zca': 'data.zca',
}


def split(text: str) -> tuple[Path, dict[str, str]]:
  """Splits `PATH:scale=whitened` into the path and what is said of the set.

  Raises:
    UserError: for something else that is said.

  >>> split('images_best.pt:scale=whitened')[1]
  {'scale': 'whitened'}
  """
  if Path(text).exists():
    return Path(text), {}
  path, *said = text.split(':')
  parts = [item.partition('=') for item in said]
  told = {name: value for name, _, value in parts}
  if not told.keys() <= set(OPTIONS):
    raise UserError(
      f'init={text}: after the path of a set that others made come '
      f'{", ".join(f":{name}=" for name in OPTIONS)}'
    )
  return Path(path), told


def read(
  config: Config, dataset: Dataset, preprocess: Preprocessing, where: str
) -> tuple[store.Distilled, list[str]]:
  """Reads a set, and says what was assumed of one that others made.

  Args:
    config: of which `synthetic` is read.
    dataset: that is distilled.
    preprocess: what others' images have been through, if they are no pixels.
    where: what errors call the set.

  Raises:
    UserError: if there is none, or wherever there is no one answer.
  """
  path, told = split(config.synthetic.init)
  if not path.exists():
    near = difflib.get_close_matches(str(path), INITS, 1, 0.5)
    hint = f'did you mean {near[0]!r}? ' if near else ''
    raise UserError(
      f'{where}: {hint}there is {", ".join(INITS)}, and no set of this path: '
      'give the work directory of a run, such as runs/NAME-HASH'
    )
  ours = own(path)
  if ours is not None:
    return ours, []
  here = partial(re.sub, r'--(\w+)(=?)', partial(_flag, config.synthetic.init))
  try:
    found, notes = _adopted(path, told, config, dataset, preprocess, where)
  except UserError as error:
    raise UserError(here(str(error))) from error
  return found, [here(note) for note in notes]


def _flag(init: str, found: re.Match[str]) -> str:
  """Returns how one says here what `rdd_jax.evaluate` has a flag for."""
  name, equals = found.groups()
  if name in OPTIONS:
    others = re.sub(f':{name}=[^:]*', '', init)
    return f'init={others}:{name}{equals}'
  return f'--config.{FIELDS[name]}{equals}' if name in FIELDS else found[0]


def _adopted(
  path: Path,
  told: dict[str, str],
  config: Config,
  dataset: Dataset,
  preprocess: Preprocessing,
  where: str,
) -> tuple[store.Distilled, list[str]]:
  options: dict[str, Any] = dict(told)
  if told.get('labels', third_party.ORDERED) != third_party.ORDERED:
    labels = Path(told['labels'])
    if not labels.exists():
      raise UserError(
        f'{where}: there is no file {labels}: give --labels=FILE, or '
        f'--labels={third_party.ORDERED} where rows stand class after class'
      )
    options['labels'] = third_party.read(labels)
  if 'experiment' in told:
    options['experiment'] = _number(told['experiment'], where)
  raw = third_party.read(path, channels=dataset.image_shape[2])
  found = third_party.understand(
    raw, dataset.image_shape, dataset.class_names, where, **options
  )
  kind = found.labels.kind
  card = {
    'schema': cards.SCHEMA,
    'factor': config.synthetic.factor,
    'class_names': list(dataset.class_names),
    'label_kind': kind if kind in ('hard', 'free') else 'soft',
  }
  adopted = third_party.adopt(found, preprocess, card, where)
  strange = third_party.plausible(adopted.images, dataset.train_images, '')
  return adopted, [*found.notes, *strange]


def _number(text: str, where: str) -> int:
  if not text.isdecimal():
    raise UserError(f'{where}: experiment={text} is no number: give 0 or more')
  return int(text)
