"""Judges finders of rare rows by rows known to be rare, without distilling.

python launch/groups_alone.py --config=FILE.py:rare=thin-0.05 [--draws=3]
  [--config.data.size=14] [--share=0.01] [--run=DIR] [--record=NAME]

For each finder and draw of the data: AUROC of its score within classes;
precision and recall of what it sets apart, a share `--share` of each class, or
the one of its groups that holds most rare rows; and the share of draws that
rare rows get where its groups are drawn equally. `--run` is a finished run,
whose distilled images cover the classes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
import statistics
import sys

from absl import flags
import jax
import jax.numpy as jnp
from ml_collections import config_flags
import numpy as np
import optax
from sklearn.metrics import roc_auc_score

from rdd_jax.artifact import store
from rdd_jax.config.build import data as build_data
from rdd_jax.config.build.experiment import build, preprocessing
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import empirical
from rdd_jax.data import Dataset
from rdd_jax.data.images import whole
from rdd_jax.evaluation.shift.clusters import k_means
from rdd_jax.images.augment import dsa
from rdd_jax.records import Record, Row, origin
from rdd_jax.records import flag as records
from rdd_jax.robust import probing
from rdd_jax.robust.groups.finders import narrow
from rdd_jax.robust.groups.neighbors import consistency
from rdd_jax.runtime import cli
from rdd_jax.training.probe import probe

flags.adopt_module_key_flags(records)
_CONFIG = config_flags.DEFINE_config_file(
  'config', None, 'FILE.py[:arguments].'
)
_DRAWS = flags.DEFINE_integer('draws', 3, 'Root seeds of the data.')
_SHARE = flags.DEFINE_float('share', 0.01, 'Of a class, that is set apart.')
_RUN = flags.DEFINE_string('run', '', 'Whose distilled images cover classes.')

RADII = (0.002, 0.006, 0.02, 0.06)
PARTS = (4, 16, 64)  # of a class, by k-means
TURNS = 4
CHECKS, STEPS = 5, 100  # looks at a network in training, steps between them
COLUMNS = ('AUROC', 'precision', 'recall', 'share of draws')
Found = dict[str, np.ndarray]


def squares(a: np.ndarray, b: np.ndarray) -> np.ndarray:
  """Returns squared distances, `f[n, m]`."""
  both = (a**2).sum(1)[:, None] - 2 * a @ b.T + (b**2).sum(1)[None]
  return np.maximum(both, 0)


def by_class(
  labels: np.ndarray, fn: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
  """Returns what `fn(rows of a class)` says of each, `f[n]`."""
  out = np.zeros(len(labels))
  for c in np.unique(labels):
    rows = np.flatnonzero(labels == c)
    out[rows] = fn(rows)
  return out


def kth(own: np.ndarray, theirs: np.ndarray, k: int) -> np.ndarray:
  """Returns the distance to the k-th nearest, `f[n]`."""
  return np.sqrt(np.partition(squares(own, theirs), k, 1)[:, k])


def of_pixels(
  images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> tuple[Found, Found]:
  """Returns scores and groups that are made of pixels alone.

  Args:
    images: `f32[n, H, W, C]`, in [0, 1].
    labels: `i[n]`.
    rng: of all draws.
  """
  seen = narrow(images.reshape(len(images), -1), rng)
  near = consistency(seen, labels, RADII, 10_000, rng)
  view = jax.jit(dsa(['crop', 'flip', 'scale', 'rotate'], siamese=False))

  def ratio(rows: np.ndarray) -> np.ndarray:
    moved = np.asarray(view(jax.random.key(0), jnp.asarray(images[rows])))
    both = np.concatenate([images[rows], moved]).reshape(2 * len(rows), -1)
    own, theirs = np.split(narrow(both, rng), 2)
    return kth(own, own, 50) / kth(own, theirs, 49)

  scores = {
    'density, by the 50th nearest of the class': by_class(
      labels, lambda rows: kth(seen[rows], seen[rows], 50)
    ),
    'density ratio to its augmented self': by_class(labels, ratio),
  }
  for i, r in enumerate(RADII):
    scores[f'kNN label consistency, {r:.1%} of all rows'] = -near[:, i]
  scores['the same, mean of 2.0% and 6.0%'] = -near[:, 2:].mean(1)
  return scores, {
    f'pixels, {k} clusters': parts(seen, labels, k) for k in PARTS
  }


def parts(seen: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
  """Returns k-means of each class, `i[n]`."""
  return by_class(
    labels, lambda rows: k_means(seen[rows], k, restarts=1, seed=0).labels_
  )


def of_networks(
  experiment, dataset: Dataset, rng: np.random.Generator
) -> tuple[Found, Found]:
  """Returns what networks say of rows that they have not trained on.

  Args:
    experiment: built from the configuration.
    dataset: with its training rows.
    rng: of the two halves; a network trains on one and judges the other.
  """
  labels, images = dataset.train_labels, jnp.asarray(dataset.train_images)
  measure = empirical(labels, experiment.spec.num_outputs)
  half = rng.permutation(len(labels)) % 2
  one = probe(
    experiment.net,
    optax.sgd(0.02, 0.9),
    images.shape[1:],
    dataset.num_classes,
    decay=0.9,
  )
  preprocess = experiment.preprocess
  draw = jax.jit(partial(probing.draw, probes=1, steps=STEPS, batch_size=200))
  train = jax.jit(partial(probing.train, one, preprocess, None))
  score = jax.jit(partial(probing.score_all, one, preprocess))
  losses = np.zeros((CHECKS, len(labels)))
  right = np.zeros((CHECKS, len(labels)), bool)
  features = np.zeros(0)
  for side in range(2):
    weights = jnp.asarray(np.where(half == side, measure.weights, 0.0))
    own = replace(measure, weights=weights)
    state = jax.tree.map(lambda x: x[None], one.init(jax.random.key(side)))
    for check in range(CHECKS):
      key = jax.random.key(10 * check + side)
      state = train(draw(key, images, own), images, state, 0, STEPS)
      out = score(jax.tree.map(lambda x: x[0], state), images, measure)
      held = half != side
      losses[check, held] = np.asarray(out.losses)[held]
      right[check, held] = (np.asarray(out.logits).argmax(1) == labels)[held]
    features = np.asarray(out.features)
  forgotten = (right[:-1] & ~right[1:]).sum(0)
  scores = {
    'loss when cross-fitted, the mean of five looks': losses.mean(0),
    'the same, how late it is learned': (~right).sum(0) + 1e-3 * losses[-1],
    'the same, how often it is forgotten': forgotten + 1e-3 * losses[-1],
  }
  seen = narrow(features, rng)
  return scores, {
    f'features, {k} clusters': parts(seen, labels, k) for k in PARTS
  }


def of_rotations(
  experiment, dataset: Dataset, rng: np.random.Generator
) -> tuple[Found, Found]:
  """Returns what a network says that was taught by no label.

  It tells by how many right angles an image was turned (Gidaris et al., 2018).

  Args:
    experiment: built from the configuration, for its preprocessing.
    dataset: with its training rows.
    rng: of neighbors.
  """
  images, labels = whole(dataset.train_images), dataset.train_labels
  turned = np.concatenate([np.rot90(images, k, (1, 2)) for k in range(TURNS)])
  measure = empirical(np.repeat(np.arange(TURNS), len(images)), TURNS)
  net = experiment.net.clone(num_outputs=TURNS)
  one = probe(net, optax.sgd(0.02, 0.9), images.shape[1:], TURNS, decay=0.9)
  state = jax.tree.map(lambda x: x[None], one.init(jax.random.key(0)))
  given, steps = jnp.asarray(turned), 2 * CHECKS * STEPS
  drawn = probing.draw(
    jax.random.key(1), given, measure, probes=1, steps=steps, batch_size=200
  )
  preprocess = experiment.preprocess
  state = probing.train(one, preprocess, None, drawn, given, state, 0, steps)
  network = jax.tree.map(lambda x: x[0], state)
  out = probing.score_all(one, preprocess, network, given, measure)
  right = np.asarray(out.logits).argmax(1).reshape(TURNS, -1)
  print('turns told', f'{(np.arange(TURNS) == right.T).mean():.3f}', flush=True)
  seen = narrow(np.asarray(out.features)[: len(images)], rng)
  near = consistency(seen, labels, RADII, 10_000, rng)
  scores = {
    'turns told: kNN label consistency, mean of 2.0% and 6.0%': -near[
      :, 2:
    ].mean(1),
    'turns told: density, by the 50th nearest of the class': by_class(
      labels, lambda rows: kth(seen[rows], seen[rows], 50)
    ),
    'turns told: loss, the mean of four turns': np.asarray(out.losses)
    .reshape(TURNS, -1)
    .mean(0),
  }
  return scores, {
    f'features of turns, {k} clusters': parts(seen, labels, k) for k in PARTS
  }


def of_set(
  directory: str, labels: np.ndarray, flat: np.ndarray
) -> tuple[Found, Found]:
  """Returns how far rows are from the distilled images of their class.

  Args:
    directory: of the run.
    labels: `i[n]`.
    flat: `f32[n, d]`, pixels in [0, 1].
  """
  kept = store.load(Path(directory))
  stored = kept.images.reshape(len(kept.images), -1)

  def apart(rows: np.ndarray) -> np.ndarray:
    return squares(flat[rows], stored[kept.cells == labels[rows[0]]])

  scores = {
    'distance to the nearest distilled image': by_class(
      labels, lambda rows: apart(rows).min(1)
    )
  }
  cells = by_class(labels, lambda rows: apart(rows).argmin(1))
  return scores, {'Voronoi cells of the distilled images': cells}


def measured(
  rare: np.ndarray, labels: np.ndarray, groups: np.ndarray, which: int = -1
) -> dict[str, float]:
  """Returns precision, recall and draws of groups, in per cent.

  Args:
    rare: `b[n]`.
    labels: `i[n]`.
    groups: `i[n]`, drawn equally within each class.
    which: is set apart; -1 is the one that holds most rare rows.
  """
  found = []
  for c in np.unique(labels):
    own, part = rare[labels == c], groups[labels == c].astype(int)
    size = np.bincount(part)
    held = np.bincount(part, own, len(size))
    best = held.argmax() if which < 0 else which
    drawn = (held / np.maximum(size, 1))[size > 0].mean()
    found.append((held[best] / size[best], held[best] / own.sum(), drawn))
  names = 'precision', 'recall', 'share of draws'
  return dict(zip(names, 100 * np.mean(found, 0), strict=True))


def one_draw(config, seed: int) -> dict[str, dict[str, float]]:
  """Returns finder to its numbers, of one draw of the data."""
  config.seed = seed
  dataset = build_data.load(config)
  experiment = build(config, dataset, preprocessing(config, dataset))
  labels, rare = dataset.train_labels, dataset.train_rare
  if rare is None:
    raise UserError('no row is known to be rare: give rare=thin-0.05')
  images = whole(dataset.train_images).astype(np.float32) / 255
  rng = np.random.default_rng(seed)
  found = [of_pixels(images, labels, rng)]
  found.append(of_networks(experiment, dataset, rng))
  found.append(of_rotations(experiment, dataset, rng))
  if _RUN.value:
    found.append(of_set(_RUN.value, labels, images.reshape(len(labels), -1)))
  come = np.mean([rare[labels == c].mean() for c in np.unique(labels)])
  out = {'rows as they come': {'share of draws': 100 * float(come)}}
  for scores, _ in found:
    for name, score in scores.items():
      top = by_class(labels, lambda rows, s=score: highest(s[rows]))
      out[name] = measured(rare, labels, top, 1)
      out[name]['AUROC'] = 100 * statistics.mean(
        [
          roc_auc_score(rare[labels == c], score[labels == c])
          for c in np.unique(labels)
        ]
      )
  for _, groups in found:
    out |= {n: measured(rare, labels, g) for n, g in groups.items()}
  return out


def highest(score: np.ndarray) -> np.ndarray:
  """Marks the highest share `--share`, `i[n]`."""
  marked = np.zeros(len(score), int)
  count = round(_SHARE.value * len(score))
  marked[np.argsort(-score, kind='stable')[:count]] = 1
  return marked


def main(_: list[str]) -> None:
  """Prints a table of means over draws, and records it."""
  records.asked()
  found: dict[str, list[dict[str, float]]] = {}
  for seed in range(_DRAWS.value):
    for name, row in one_draw(_CONFIG.value, seed).items():
      found.setdefault(name, []).append(row)
      print(seed, name, *(f'{k} {v:.1f}' for k, v in row.items()), flush=True)
  rows = []
  for name, draws in found.items():
    cells = {}
    for column in [c for c in COLUMNS if c in draws[0]]:
      values = np.array([draw[column] for draw in draws])
      spread = float(values.std(ddof=1)) if len(values) > 1 else 0.0
      mean = round(float(values.mean()), 6)
      cells[column] = {'mean': mean, 'std': round(spread, 6), 'n': len(values)}
    rows.append(Row(name, cells))
  command = origin.command('x', sys.argv[1:])
  records.keep(
    Record(
      columns=COLUMNS,
      rows=rows,
      n=_DRAWS.value,
      seeds=f'{_DRAWS.value} draws of the data',
      unit='per cent of rows, mean ± standard deviation',
      commands=[command.replace('-m x', 'launch/groups_alone.py')],
      commit=origin.commit(),
      machine=origin.machine(),
      date=origin.today(),
      notes='nothing is trained on what is found',
    )
  )


if __name__ == '__main__':
  cli.start(main)
