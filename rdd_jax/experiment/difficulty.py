"""Coresets by how hard rows are: networks are trained, and rows are scored.

Deviations, of all three from their papers:
  The networks are those of the run, and train for 20 epochs by the recipe of
  `config.whole`; EL2N is read after 4 of them, as the paper reads it after a
  tenth to a fifth of training, from 3 networks, where the paper has 10. Rows
  are chosen class by class, the same number of each.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
from jax import Array
import numpy as np

from rdd_jax.config.build.recipes import scoring as recipe_of
from rdd_jax.core import keys
from rdd_jax.core.errors import choose
from rdd_jax.core.measure import empirical
from rdd_jax.data import Dataset
from rdd_jax.experiment.trial import Trial, remember
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.runtime.progress import Progress
from rdd_jax.synthetic import coresets, difficulty
from rdd_jax.synthetic.view import stored_ipc
from rdd_jax.training.epochs import by_epoch, in_epochs
from rdd_jax.training.fit import Told
from rdd_jax.training.recipe import Recipe

EPOCHS, EARLY, NETWORKS = 20, 4, 3
TRAINED = ('batch_size', 'learning_rate', 'augment')  # of `config.whole`
SCORED = ('el2n', 'forgetting', 'ccs')  # baselines that need scores

Scores = dict[str, np.ndarray]


def scores(
  net: nn.Module,
  dataset: Dataset,
  num_outputs: int,
  preprocess: Preprocessing,
  recipe: Recipe,
  key: Array,
  tell: Told = lambda trained, left: None,
) -> Scores:
  """Trains networks on all training rows, and scores these; large is hard.

  Args:
    net: the network.
    dataset: whose training rows, with labels as given.
    num_outputs: of the network.
    preprocess: from uint8 images to network inputs.
    recipe: but for its length.
    key: a typed key.
    tell: called after each epoch with 0 and the epochs that are left; it may
      raise, which ends the training.

  Returns:
    `f[N]` each: `el2n` and `margin`, minus AUM, means over networks; and
    `forgetting`, of the first network.
  """
  labels = np.asarray(dataset.train_labels)
  images = jax.device_put(dataset.train_images)
  measure = empirical(labels, num_outputs)
  found = {name: np.zeros(len(labels)) for name in ('el2n', 'margin')}
  right = []
  course = by_epoch(
    net,
    images,
    measure,
    in_epochs(recipe, EPOCHS),
    num_classes=dataset.num_classes,
    preprocess=preprocess,
  )
  with Progress(EPOCHS * NETWORKS, 'scoring rows', unit='epoch') as progress:
    for number, own in enumerate(jax.random.split(key, NETWORKS)):
      for epoch, z in enumerate(course(own), 1):
        found['margin'] -= difficulty.margin(z, labels) / (EPOCHS * NETWORKS)
        if epoch == EARLY:
          found['el2n'] += difficulty.el2n(z, labels) / NETWORKS
        if not number:
          right.append(z.argmax(1) == labels)
        progress.advance(1)
        tell(0, EPOCHS * (NETWORKS - number) - epoch)
  return found | {'forgetting': difficulty.forgetting(np.stack(right))}


def select(
  name: str,
  found: Scores,
  labels: np.ndarray,
  ipc: int,
  num_classes: int,
  key: Array,
) -> np.ndarray:
  """Chooses rows by their scores.

  Args:
    name: one of `SCORED`.
    found: by `scores`.
    labels: `i[N]`, as given.
    ipc: rows for each class.
    num_classes: the number of classes.
    key: of what is drawn; rows of one score are in the order of a draw.
  """
  choose('baseline', name, dict.fromkeys(SCORED))
  if name == 'ccs':
    return coresets.ccs(key, found['margin'], labels, ipc, num_classes)
  return coresets.hardest(key, found[name], labels, ipc, num_classes)


def rows(trial: Trial, name: str, seed: int) -> np.ndarray:
  """Returns the rows of a baseline of a run, by scores of their own seed.

  Args:
    trial: the run.
    name: one of `SCORED`.
    seed: the distillation seed, of networks and draws alike.
  """
  key = keys.named(jax.random.key(trial.config.seed), 'difficulty')
  key = jax.random.fold_in(key, seed)
  path = trial.workdir / 'evaluations' / f'difficulty-{seed}.json'
  found = remember(path, lambda: _scores(trial, key))
  return select(
    name,
    {score: np.asarray(values) for score, values in found.items()},
    np.asarray(trial.dataset.train_labels),
    stored_ipc(trial.experiment.cells, trial.dataset.num_classes),
    trial.dataset.num_classes,
    keys.named(key, 'draw'),
  )


def _scores(trial: Trial, key: Array) -> dict[str, Any]:
  """The scores, or those of a run that had the same networks; as lists."""
  config, dataset = trial.config, trial.dataset
  outputs = trial.experiment.spec.num_outputs
  recipe = recipe_of(config)

  def compute() -> dict[str, Any]:
    made = scores(
      trial.experiment.net,
      dataset,
      outputs,
      trial.preprocess,
      recipe,
      key,
      trial.tell,
    )
    return {name: values.tolist() for name, values in made.items()}

  if trial.kept is None:
    return compute()
  whole = {k: v for k, v in config.whole.to_dict().items() if k in TRAINED}
  return trial.kept.values(
    'scores of rows',
    {
      'network': config.network.to_dict(),
      'whole': whole,
      'lengths': [EPOCHS, EARLY, NETWORKS],
      'outputs': outputs,
      'classes': dataset.num_classes,
      'precision': config.precision,
      'deterministic': config.deterministic,
    },
    (
      dataset.train_images,
      dataset.train_labels,
      trial.preprocess.to_arrays(),
      jax.random.key_data(key),
    ),
    compute,
  )
