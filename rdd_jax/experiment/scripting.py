"""What a script does with a set: trains a network on it, and judges it."""

from __future__ import annotations

from dataclasses import replace

import flax.linen as nn
import jax
import numpy as np
from numpy.typing import ArrayLike

from rdd_jax.artifact import store
from rdd_jax.artifact.store import Distilled
from rdd_jax.core.errors import UserError
from rdd_jax.data.dataset import Dataset, Split, check_split
from rdd_jax.evaluation.calibration import Calibrated
from rdd_jax.evaluation.metrics import Row
from rdd_jax.experiment import trial
from rdd_jax.experiment.fitted import Fitted
from rdd_jax.experiment.judge import Judge, judge_of
from rdd_jax.experiment.of_card import load as load_dataset
from rdd_jax.networks.adapt import adapt
from rdd_jax.training.fit import fit_many

OWN = 'own'  # what a module of the user's is called
# Of a card, without which nothing says how networks are trained.
NEEDED = ('data', 'network', 'student', 'evaluation', 'outside', 'seeds')


def fit(
  net: str | nn.Module,
  artifact: Distilled,
  *,
  epochs: int | None = None,
  seed: int = 0,
  allow_code: bool = False,
) -> Fitted:
  """Trains one network from scratch on a set, by the recipe on its card.

  It is the first network that `judge` and `python -m rdd_jax.evaluate` train
  at this seed.

  Args:
    net: a name, as `rdd_jax.networks.build` takes it ('convnet:width=64'), of
      which that on the card alone stands for the network there, as does '';
      or a Flax module from images `f[n, H, W, C]` to logits `f[n, o]`, with
      `training`, a bool by keyword, if it needs it.
    artifact: the set.
    epochs: instead of those on the card.
    seed: the root of all that is random.
    allow_code: whether functions that the card names are called. A card of
      someone else may name any that can be imported.

  Raises:
    UserError: for an unknown network, one that does not suit the images, or a
      function that is named without `allow_code`.
  """
  images = np.zeros((1, *artifact.images.shape[1:]), np.uint8)
  tests = _tests(artifact, images, [0])
  made = _judge(net, _without_more(artifact), tests, epochs, '', allow_code)
  if not made.nets:
    raise UserError(
      f'{net} is a regression, which has no variables; give the name of a '
      f'network, such as {artifact.card["network"]["name"]}'
    )
  ((name, module),) = made.nets.items()
  batch, seeds = store.to_batch(artifact), trial.network_keys(seed, 1)
  stacked = fit_many(
    module,
    batch,
    made.recipe,
    num_classes=made.num_classes,
    input_shape=artifact.images.shape[1:],
    seeds=seeds,
    student=made.student,
    teacher=artifact.teacher,
  )
  return Fitted(
    module,
    jax.tree.map(lambda leaf: leaf[0], stacked),
    artifact.preprocessing,
    tuple(artifact.card['class_names']),
    artifact.images.shape[1:],
    batch,
    made.recipe,
    seeds[0],
    *made.calibrated.get(name, Calibrated(1.0)),
  )


def judge(
  artifact: Distilled,
  images: ArrayLike | None = None,
  labels: ArrayLike | None = None,
  *,
  net: str | nn.Module = '',
  seeds: int = 5,
  seed: int = 0,
  epochs: int | None = None,
  data_dir: str = '',
  allow_code: bool = False,
) -> Row:
  """Trains networks from scratch on a set, and measures them on test images.

  As `python -m rdd_jax.evaluate` does: the same numbers at the same seed.

  Args:
    artifact: the set.
    images: `u8[n, H, W, C]`; None takes the test rows of the data set on the
      card, and measures all that the card names, out-of-distribution detection
      and shift as well.
    labels: `i[n]`, of the images.
    net: see `fit`; or 'ntk', 'nngp' or 'conjugate', ridge regression.
    seeds: networks to train.
    seed: the root of all that is random.
    epochs: instead of those on the card.
    data_dir: where TFDS data sets are, instead of where the card says.
    allow_code: see `fit`.

  Returns:
    `{'mean', 'std', 'n', 'values'}` over networks, of each metric by name:
    `accuracy`, `worst_class`, `ece`; see `rdd_jax.evaluation.registry`.

  Raises:
    UserError: for images without labels, of another shape, or a network that
      does not suit them; if the data set is not there; or for a function
      that the card names without `allow_code`.
  """
  if (images is None) != (labels is None):
    raise UserError(
      'judge was given images without labels, or labels without images; give '
      'both, or neither for the test rows of the data set on the card'
    )
  if seeds < 1:
    raise UserError(f'seeds={seeds}: give at least one network')
  if images is None:
    tests = _own_tests(artifact, data_dir, allow_code)
  else:
    tests = _tests(artifact, images, labels)
    artifact = _without_more(artifact)
  made = _judge(net, artifact, tests, epochs, data_dir, allow_code)
  (row,) = made(artifact, trial.network_keys(seed, seeds)).values()
  return row


def _judge(
  net: str | nn.Module,
  artifact: Distilled,
  tests: Dataset,
  epochs: int | None,
  data_dir: str,
  allow_code: bool,
) -> Judge:
  """What trains one network by the card of a set, and measures it."""
  _require_card(artifact)
  name = net if isinstance(net, str) else ''
  names = [name] if name else []
  made = judge_of(
    artifact,
    tests,
    names,
    epochs=epochs,
    data_dir=data_dir,
    allow_code=allow_code,
  )
  if isinstance(net, str):
    return made
  shape = artifact.images.shape[1:]
  module = adapt(net, shape, artifact.targets.shape[1])
  return replace(made, nets={OWN: module})


def _own_tests(artifact: Distilled, data_dir: str, allow_code: bool) -> Dataset:
  """The data set that the card of a set names."""
  _require_card(artifact)
  try:
    return load_dataset(artifact.card, data_dir, allow_code=allow_code)
  except UserError as error:
    raise UserError(f'{error}; or pass images and labels to judge') from error


def _require_card(artifact: Distilled) -> None:
  """Raises a UserError unless a card says how networks are trained."""
  missing = [name for name in NEEDED if name not in artifact.card]
  if missing:
    raise UserError(
      f'the card of the set lacks {", ".join(missing)}, which say how networks '
      'are trained; make the set by a run, or by rdd_jax.adopt'
    )


def _tests(
  artifact: Distilled, images: ArrayLike, labels: ArrayLike | None
) -> Dataset:
  """A data set that is nothing but test rows."""
  names = tuple(artifact.card['class_names'])
  split = Split(np.asarray(images), np.asarray(labels), names)
  split = check_split(split, 'test')
  if split.images.shape[1:] != artifact.images.shape[1:]:
    raise UserError(
      f'test images are {list(split.images.shape[1:])}, those of the set '
      f'{list(artifact.images.shape[1:])}; resize or convert them'
    )
  none = slice(0)
  return Dataset(
    artifact.card.get('data', {}).get('name', ''),
    split.images[none],
    split.labels[none],
    split.images,
    split.labels,
    len(names),
    names,
  )


def _without_more(artifact: Distilled) -> Distilled:
  """The set without what its card would measure on other rows."""
  return replace(artifact, card={**artifact.card, 'outside': {}, 'shift': {}})
