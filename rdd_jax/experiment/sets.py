"""Converts sets of a run to artifacts: distilled ones, and coresets."""

from __future__ import annotations

from dataclasses import replace
import math

from jax import Array
import numpy as np

from rdd_jax.artifact import card
from rdd_jax.artifact.store import Distilled
from rdd_jax.config.build.given_file import INITS
from rdd_jax.config.defaults import PLACES, Config
from rdd_jax.data import Dataset, effective_rate, injected, stand_in
from rdd_jax.experiment.teacher import labeled
from rdd_jax.experiment.trial import Trial
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.synthetic import view
from rdd_jax.synthetic.view import Synthetic
from rdd_jax.training.teacher import Teacher


def distilled(
  trial: Trial, params: Synthetic, seed: int, teacher: Teacher | None = None
) -> Distilled:
  """Converts distilled parameters of one seed to a set with its card.

  Args:
    trial: the run.
    params: the parameters.
    seed: the distillation seed, for the card.
    teacher: who labels it, if anybody does.
  """
  images, given = params.images, trial.experiment.given
  if trial.config.synthetic.space == 'inputs':
    images = trial.preprocess.inverse(images)
  factor = trial.config.synthetic.factor
  # The scale of labels stands on the card: regressions are linear in it.
  batch = trial.experiment.view(replace(params, log_scale=None))
  found = Distilled(
    images=np.asarray(images),
    targets=np.asarray(batch.targets[:: factor**2]),
    weights=np.asarray(batch.weights[:: factor**2]),
    cells=trial.experiment.cells,
    preprocessing=trial.preprocess,
    card={
      **card_of(
        trial.config,
        trial.dataset,
        trial.experiment.spec.num_outputs,
        seed=seed,
        labels='hard' if teacher else trial.config.synthetic.labels,
        factor=factor,
        step_size=params.step_size,
        log_scale=params.log_scale,
      ),
      'method': method(trial.config),
      **({'init': given.source} if given is not None else {}),
    },
  )
  return labeled(trial, found, teacher, seed)


def method(config: Config) -> str:
  """Returns the objective and the chains' links, by name, in one line.

  >>> from rdd_jax.config import defaults
  >>> config = defaults.config()
  >>> config.transform = {'trust': {}}
  >>> method(config)
  'distribution, trust'

  Of a set that stays as it began, that is all that was done:

  >>> config.objective = {'name': 'selection'}
  >>> method(config)
  'init=real, trust'
  """
  links = [link for place in PLACES for link in config[place]]
  name, init = config.objective.name, config.synthetic.init
  if name == 'selection' and init != 'selected':
    name = f'init={init}' if init in INITS else 'init, a set'
  return ', '.join([name, *dict.fromkeys(links)])


def coreset(
  trial: Trial, rows: np.ndarray, seed: int, teacher: Teacher | None = None
) -> Distilled:
  """Returns training rows as a set, with labels as given, or a teacher's.

  Args:
    trial: the run.
    rows: `i[n]`, numbers of training rows.
    seed: the distillation seed, for the card.
    teacher: who labels the distilled set, if anybody does.
  """
  outputs = trial.experiment.spec.num_outputs
  found = real(
    trial.dataset,
    rows,
    outputs,
    trial.preprocess,
    card_of(trial.config, trial.dataset, outputs, seed=seed),
  )
  return labeled(trial, found, teacher, seed)


def real(
  dataset: Dataset,
  rows: np.ndarray,
  num_outputs: int,
  preprocess: Preprocessing,
  card: dict,
) -> Distilled:
  """Returns training rows of a data set as a set with a card.

  Its `examples` are the names of the rows, such as files, or their numbers.

  Args:
    dataset: whose rows they are.
    rows: `i[n]`, numbers of training rows.
    num_outputs: width of the targets.
    preprocess: of the images.
    card: the card.
  """
  cells = dataset.train_labels[rows].astype(np.int32)
  return Distilled(
    images=dataset.train_images[rows].astype(np.float32) / 255,
    targets=view.hard_targets(cells, dataset.num_classes, num_outputs),
    weights=np.ones(len(rows), np.float32),
    cells=cells,
    preprocessing=preprocess,
    card={**card, 'examples': dataset.example_names(rows)},
  )


def card_of(
  config: Config,
  dataset: Dataset,
  num_outputs: int,
  *,
  seed: int = 0,
  labels: str = 'hard',
  factor: int = 1,
  step_size: Array | None = None,
  log_scale: Array | None = None,
) -> dict:
  """Returns the card of a set that a configuration makes, or evaluates.

  Args:
    config: of the run.
    dataset: with the noise that the rows had.
    num_outputs: of networks.
    seed: of distillation.
    labels: their kind.
    factor: of multi-formation.
    step_size: a learned one, in the place of the recipe's learning rate.
    log_scale: the logarithm of that of free labels, if it was learned.
  """
  evaluation = config.evaluation.to_dict()
  if step_size is not None:  # learned for just this set
    evaluation['learning_rate'] = float(step_size)
  noise = stand_in(config.data.noise, dataset)
  made = card.make_card(
    data={
      **config.data.to_dict(),
      'name': dataset.name,
      'noise': noise,
      'noise_rate': effective_rate(dataset),
      'injected': injected(dataset, noise, config.data.rare),
    },
    class_names=dataset.class_names,
    label_kind=labels,
    factor=factor,
    network=config.network.to_dict(),
    student=config.student.to_dict() or None,
    evaluation=evaluation,
    outside=config.outside.to_dict(),
    shift=config.shift.to_dict(),
    seeds={'root': config.seed, 'distillation': seed},
    numbers={},
  )
  kernel = config.kernel.to_dict()
  scale = 1.0 if log_scale is None else math.exp(float(log_scale))
  return {
    **made,
    'labels': card.labels(num_outputs, scale),
    'regression': {'kernel': kernel, 'ridge': kernel.pop('ridge')},
  }
