"""A run as its evaluation sees it, and where its outputs stand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
import json
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax import Array

from rdd_jax.config.build import experiment, ood
from rdd_jax.config.build.data import load
from rdd_jax.config.build.experiment import Experiment
from rdd_jax.config.defaults import Config
from rdd_jax.core import keys
from rdd_jax.core.parts import Parts, in_one
from rdd_jax.data import Dataset
from rdd_jax.evaluation.evaluate import TestData
from rdd_jax.evaluation.groups import training_rows
from rdd_jax.evaluation.ood.detect import OODBenchmark
from rdd_jax.evaluation.shift.shift import Shift
from rdd_jax.experiment.kept import Kept
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.runtime import distributed as meshes
from rdd_jax.runtime.files import read_summed, write_atomically, write_summed
from rdd_jax.runtime.logging import say
from rdd_jax.runtime.profiling import Watch
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
  if not (curves and meshes.is_main_process()):
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


def remember(
  path: Path, compute: Callable[[], Any], *, together: bool = False
) -> Any:
  """Reads the JSON at `path`; computes it if it is not there, or damaged.

  Args:
    path: the file.
    compute: returns what JSON can hold.
    together: all processes call this, and compute it where one of them has to,
      which they share.
  """
  there, found = path.exists(), []
  with suppress(ValueError):  # of earlier versions, without a sum
    data = read_summed(path)
    found = [] if data is None else [json.loads(data)]
  lacks = meshes.any_process(not found) if together else not found
  if not lacks:
    return found[0]
  if there and not found:
    say(f'{path} is damaged: it is made again')
  value = compute()
  if meshes.is_main_process():  # numbers of another host may differ
    path.parent.mkdir(parents=True, exist_ok=True)
    write_summed(path, json.dumps(value, indent=1).encode())
  return value
