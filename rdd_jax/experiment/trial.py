"""Converts sets of a run to artifacts: distilled ones, and coresets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax import Array
import numpy as np

from rdd_jax.artifact import card
from rdd_jax.artifact.store import Distilled
from rdd_jax.config.build import experiment, ood
from rdd_jax.config.build.data import load
from rdd_jax.config.build.experiment import Experiment
from rdd_jax.config.defaults import PLACES, Config
from rdd_jax.core import keys
from rdd_jax.core.parts import Parts, in_one
from rdd_jax.data import Dataset, effective_rate, injected, stand_in
from rdd_jax.evaluation.evaluate import TestData
from rdd_jax.evaluation.groups import training_rows
from rdd_jax.evaluation.ood.detect import OODBenchmark
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.experiment.kept import Kept
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.runtime.files import write_atomically
from rdd_jax.runtime.profiling import Watch
from rdd_jax.synthetic import view
from rdd_jax.synthetic.view import Synthetic
from rdd_jax.training.fit import Told

INITIAL = Path('baselines') / 'initial'  # below the directory of a seed


class Trial(NamedTuple):
  """A run as its evaluation sees it.

  Attributes:
    experiment: what was distilled, and how sets are evaluated.
    config: of the run.
    dataset: the training rows are those that were distilled from.
    preprocess: from uint8 images to network inputs.
    workdir: where finished evaluations are kept, so that none is repeated.
    outside: what networks are to tell from the data, if anything.
    shift: other test rows and groups of them, if any.
    watch: how it is watched.
    tell: called while networks are trained, see `evaluate`.
    kept: what it shares with other runs, if anything.
    parts: computes what takes long, see `core.parts`.
  """

  experiment: Experiment
  config: Config
  dataset: Dataset
  preprocess: Preprocessing
  workdir: Path
  outside: OODBenchmark | None = None
  shift: Shift | None = None
  watch: Watch = Watch()
  tell: Told = lambda trained, left: None
  kept: Kept | None = None
  parts: Parts = in_one


def seed_directory(directory: Path, seed: int) -> Path:
  """Returns where the outputs of a seed stand; the first one's at the top.

  Args:
    directory: of the run.
    seed: the distillation seed, from 0.

  >>> seed_directory(Path('run'), 1).as_posix()
  'run/seeds/1'
  """
  return directory / 'seeds' / str(seed) if seed else directory


def distilled(trial: Trial, params: Synthetic, seed: int) -> Distilled:
  """Converts distilled parameters of one seed to a set with its card.

  Args:
    trial: the run.
    params: the parameters.
    seed: the distillation seed, for the card.
  """
  images, given = params.images, trial.experiment.given
  if trial.config.synthetic.space == 'inputs':
    images = trial.preprocess.inverse(images)
  factor = trial.config.synthetic.factor
  # The scale of labels stands on the card: regressions are linear in it.
  batch = trial.experiment.view(replace(params, log_scale=None))
  return Distilled(
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
        labels=trial.config.synthetic.labels,
        factor=factor,
        step_size=params.step_size,
        log_scale=params.log_scale,
      ),
      'method': method(trial.config),
      **({'init': given.source} if given is not None else {}),
    },
  )


def method(config: Config) -> str:
  """Returns the objective and the chains' links, by name, in one line.

  >>> from rdd_jax.config import defaults
  >>> config = defaults.config()
  >>> config.transform = {'trust': {}}
  >>> method(config)
  'distribution, trust'
  """
  links = [link for place in PLACES for link in config[place]]
  return ', '.join([config.objective.name, *dict.fromkeys(links)])


def coreset(trial: Trial, rows: np.ndarray, seed: int) -> Distilled:
  """Returns training rows as a set, with their labels as given.

  Args:
    trial: the run.
    rows: `i[n]`, numbers of training rows.
    seed: the distillation seed, for the card.
  """
  outputs = trial.experiment.spec.num_outputs
  return real(
    trial.dataset,
    rows,
    outputs,
    trial.preprocess,
    card_of(trial.config, trial.dataset, outputs, seed=seed),
  )


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


def load_trial(config: Config, directory: Path) -> Trial:
  """Loads all that a run needs, but for `shift`, which takes time.

  Args:
    config: the configuration.
    directory: the work directory.
  """
  dataset = load(config)
  preprocess = experiment.preprocessing(config, dataset)
  return Trial(
    experiment.build(config, dataset, preprocess),
    config,
    dataset,
    preprocess,
    directory,
    ood.load(config, dataset),
  )


def keep_curves(
  trial: Trial, arm: str, curves: Mapping[str, Any], kind: str = 'curves'
) -> None:
  """Writes the curves of an arm's first network, for the report; if any.

  Args:
    trial: the run.
    arm: its name, and that of the file.
    curves: the curves.
    kind: the directory: 'curves' of detection, or 'reliability'.
  """
  if not curves:
    return
  path = trial.workdir / kind / f'{arm}.json'
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomically(path, json.dumps(curves).encode())


def held(dataset: Dataset) -> TestData:
  """Returns the test rows of a data set.

  Training groups are counted by their true labels, where these are known.
  """
  labels, groups = dataset.train_true_labels, dataset.train_groups
  trained = None
  if groups is not None and dataset.test_groups is not None:
    trained = training_rows(
      dataset.test_labels,
      dataset.test_groups,
      dataset.train_labels if labels is None else labels,
      groups,
    )
  return TestData(
    dataset.test_images,
    dataset.test_labels,
    dataset.test_groups,
    dataset.test_rare,
    trained,
  )


def network_keys(root: int, n: int, seed: int = 0) -> Array:
  """Returns the keys `[n]` of the networks that evaluate a set.

  All sets of a distillation seed share them, so that they are compared by the
  same networks; a run and `rdd_jax.evaluate` derive them alike.

  Args:
    root: the root seed, `config.seed` of a run.
    n: the number of networks.
    seed: the distillation seed.

  >>> len(network_keys(0, 3))
  3
  """
  networks = keys.named(jax.random.key(root), 'networks')
  return jax.random.split(jax.random.fold_in(networks, seed), n)


def remember(path: Path, compute: Callable[[], Any]) -> Any:
  """Reads the JSON at `path`; computes and writes it if it is not there.

  Args:
    path: the file.
    compute: returns what JSON can hold.
  """
  if path.exists():
    return json.loads(path.read_text())
  value = compute()
  path.parent.mkdir(parents=True, exist_ok=True)
  write_atomically(path, json.dumps(value, indent=1).encode())
  return value
