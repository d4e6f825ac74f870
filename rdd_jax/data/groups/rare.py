"""Subgroups that are rare in training, made of any data set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jax import Array
import numpy as np

from rdd_jax.core import naming
from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import generator, named
from rdd_jax.data.dataset import Dataset, take
from rdd_jax.data.groups.cues import CUES, Cue
from rdd_jax.evaluation.shift.clusters import k_means

CLUSTERS = 4  # of which `thin` thins the smallest
RESTARTS = 4  # of k-means; scikit-learn's default differs between versions


def rarefy(dataset: Dataset, spec: str, key: Array) -> Dataset:
  """The data set with a subgroup that is rare in training.

  | spec | what is rare |
  |---|---|
  | `line-S` | a grey line on the edge, top or bottom, that is not where half |
  | | of the classes have it and half have not |
  | `patch-S` | a chequered square that is not in its class's corner |
  | `shade-S` | light from the side, left or right, that is not the class's |
  | `tint-S` | a cast, warm or cold, likewise; as `shade` where images have no |
  | | colour |
  | `coloured-S` | Colored MNIST: bright parts in a hue that is not the |
  | | class's, on black (FairDD, arXiv 2411.19623; Cui et al. 2024) |
  | `background-S` | its variant: the hue is that of the dark parts |
  | `greyscale-S` | CIFAR10-S: in grey though the class is in colour, or the |
  | | other way round; half of the classes each (Wang et al. 2020) |
  | `thin-S` | of each class, the smallest of 4 clusters of pixels, of which |
  | | a share S of the rows is kept |
  | `longtail-F` | the last third of the classes: sizes fall by a factor F |
  | | from the first to the last, exponentially (Cui et al. 2019) |
  | `minority-S` | groups that came with the data, where they make up no more |
  | | than a share S of the training rows of their class |

  In the first seven, a share S of the training rows of each class conflicts
  with it, the other values of the cue in turns; rows that conflict are among
  those of any larger S. Among the test rows of a class all values of the cue
  are equally frequent, to a row. Which classes go with which value is drawn.
  `coloured` and `background` make three channels of any number, whose mean and
  standard deviation a run fits. `greyscale` has each test row in colour and in
  grey, one after the other.

  Groups: 0 where the cue agrees with the class, and 1 where it does not; in
  `coloured`, `background` and `greyscale` the hue or the version, as published;
  in `thin` 1 is the thinned cluster; in `longtail` 0, 1 and 2 are the thirds.
  The hues are equally spaced, at most ten of them; those of the papers are not
  known to us.

  Args:
    dataset: whose labels are true; without groups, but for `minority`.
    spec: the kind, and its share or factor.
    key: the same key gives the same data, on any machine (in `thin` up to
      rows whose distances to two clusters are equal but for rounding).

  Returns:
    The data set with `train_groups`, `test_groups`, `train_rare` and
    `test_rare` set. `thin` and `longtail` take training rows away, `minority`
    changes none.

  Raises:
    UserError: for a spec that is none, data that has groups or noise already,
      too few classes or rows, and where nothing would be rare.
  """
  kind, (number,) = naming.parse('rare data', spec, SPECS)
  if dataset.train_true_labels is not None:
    raise UserError(
      f'the labels of {dataset.name} are noisy already; make rows rare first'
    )
  if dataset.num_classes < 2:
    raise UserError(
      f'{dataset.name} has one class, which no cue can go with; leave out the '
      'rare data'
    )
  given = [g is not None for g in (dataset.train_groups, dataset.test_groups)]
  if kind == 'minority' and not all(given):
    raise UserError(
      f'{spec!r} needs groups in both splits of {dataset.name}; give '
      'train_groups and test_groups, or take another kind of rare data'
    )
  if kind != 'minority' and any(given):
    raise UserError(
      f'{dataset.name} has groups already, which {spec!r} would replace; take '
      'minority-S, or give the data without groups'
    )
  found = KINDS[kind](dataset, number, named(key, 'rare'))
  assert found.train_rare is not None
  if not found.train_rare.any():
    raise UserError(
      f'{spec!r} leaves no rare training row in {dataset.name}; raise the '
      'share or take more rows'
    )
  return found


def recoloured(spec: str) -> bool:
  """Whether channels change, so that published statistics do not hold."""
  return spec.partition('-')[0] in ('coloured', 'background')


def _painted(cue: Cue) -> Callable[[Dataset, float, Array], Dataset]:
  def make(dataset: Dataset, share: float, key: Array) -> Dataset:
    classes = dataset.num_classes
    count = cue.count(classes)
    home = np.empty(classes, np.int64)
    order = generator(named(key, 'classes')).permutation(classes)
    home[order] = np.arange(classes) % count
    if cue.doubled:
      dataset = replace(
        dataset,
        test_images=np.repeat(dataset.test_images, count, 0),
        test_labels=np.repeat(dataset.test_labels, count, 0),
      )
    train, test = named(key, 'train'), named(key, 'test')
    labels = dataset.train_labels, dataset.test_labels
    values = (
      biased(labels[0], home, count, share, train),
      np.arange(len(labels[1])) % count
      if cue.doubled
      else biased(labels[1], home, count, 1 - 1 / count, test),
    )
    rare = [v != home[y] for v, y in zip(values, labels, strict=True)]
    groups = values if cue.by_value else rare
    train_images, test_images = (
      cue.paint(pixels, v, count, generator(named(k, 'paint')))
      for pixels, v, k in (
        (dataset.train_images, values[0], train),
        (dataset.test_images, values[1], test),
      )
    )
    return replace(
      dataset,
      train_images=train_images,
      test_images=test_images,
      train_groups=groups[0].astype(np.int32),
      test_groups=groups[1].astype(np.int32),
      train_rare=rare[0],
      test_rare=rare[1],
    )

  return make


def biased(
  labels: np.ndarray, home: np.ndarray, count: int, share: float, key: Array
) -> np.ndarray:
  """Values in [0, count), i64[N], of which a share is not the class's own.

  Args:
    labels: i[N].
    home: i[K], the value of each class.
    count: of values.
    share: of the rows of each class, rounded to whole rows.
    key: which rows; the other values take turns among them.
  """
  out = home[labels]
  for label in range(len(home)):
    rng = generator(named(key, f'class {label}'))
    rows = rng.permutation(np.flatnonzero(labels == label))
    first = rng.integers(count - 1)
    rows = rows[: round(share * len(rows))]
    turn = (first + np.arange(len(rows))) % (count - 1)
    out[rows] = (home[label] + 1 + turn) % count
  return out


def _thin(dataset: Dataset, share: float, key: Array) -> Dataset:
  labels, others = dataset.train_labels, dataset.test_labels
  kept = np.ones(len(labels), bool)
  rare, test_rare = np.zeros(len(labels), bool), np.zeros(len(others), bool)
  for label in range(dataset.num_classes):
    rows = np.flatnonzero(labels == label)
    if len(rows) < 2 * CLUSTERS:
      raise UserError(
        f'class {dataset.class_names[label]!r} of {dataset.name} has '
        f'{len(rows)} rows; thin needs {2 * CLUSTERS} for its clusters'
      )
    rng = generator(named(key, f'class {label}'))
    means = k_means(
      _flat(dataset.train_images[rows]),
      CLUSTERS,
      restarts=RESTARTS,
      seed=int(rng.integers(2**31)),
    )
    found = means.labels_
    smallest = np.bincount(found, minlength=CLUSTERS).argmin()
    inside = rng.permutation(rows[found == smallest])
    rare[inside] = True
    kept[inside[max(1, round(share * len(inside))) :]] = False
    tests = np.flatnonzero(others == label)
    if len(tests):
      nearest = means.predict(_flat(dataset.test_images[tests]))
      test_rare[tests] = nearest == smallest
  return _fewer(dataset, kept, rare, rare, test_rare, test_rare)


def _long_tail(dataset: Dataset, factor: float, key: Array) -> Dataset:
  labels, classes = dataset.train_labels, dataset.num_classes
  largest = np.bincount(labels).max()
  kept = np.zeros(len(labels), bool)
  for label in range(classes):
    size = max(1, int(largest * factor ** (-label / (classes - 1))))
    rng = generator(named(key, f'class {label}'))
    kept[rng.permutation(np.flatnonzero(labels == label))[:size]] = True
  third = np.arange(classes) * 3 // classes
  train, test = third[labels], third[dataset.test_labels]
  return _fewer(dataset, kept, train, train == 2, test, test == 2)


def _fewer(
  dataset: Dataset,
  kept: np.ndarray,
  groups: np.ndarray,
  rare: np.ndarray,
  test_groups: np.ndarray,
  test_rare: np.ndarray,
) -> Dataset:
  grouped = replace(
    dataset,
    train_groups=groups.astype(np.int32),
    test_groups=test_groups.astype(np.int32),
    train_rare=rare,
    test_rare=test_rare,
  )
  return take(grouped, np.flatnonzero(kept))


def _minority(dataset: Dataset, share: float, key: Array) -> Dataset:
  del key
  labels, groups = dataset.train_labels, dataset.train_groups
  assert groups is not None
  assert dataset.test_groups is not None
  wide = 1 + int(max(groups.max(), dataset.test_groups.max(), 0))
  rows = np.zeros((dataset.num_classes, wide), np.int64)
  inside = groups >= 0
  np.add.at(rows, (labels[inside], groups[inside]), 1)
  few = rows <= share * rows.sum(1, keepdims=True)

  def rare(labels: np.ndarray, groups: np.ndarray) -> np.ndarray:
    return few[labels, groups] & (groups >= 0)

  return replace(
    dataset,
    train_rare=rare(labels, groups),
    test_rare=rare(dataset.test_labels, dataset.test_groups),
  )


def _flat(pixels: np.ndarray) -> np.ndarray:
  return pixels.reshape(len(pixels), -1).astype(np.float32) / 255


KINDS: dict[str, Callable[[Dataset, float, Array], Dataset]] = {
  **{name: _painted(cue) for name, cue in CUES.items()},
  'thin': _thin,
  'longtail': _long_tail,
  'minority': _minority,
}
SHARE = naming.Value('share', 0.1, 'in (0, 1)', lambda share: 0 < share < 1)
FACTOR = naming.Value(
  'factor', 100, 'above 1', lambda factor: 1 < factor < float('inf')
)
SPECS = {**dict.fromkeys(KINDS, (SHARE,)), 'longtail': (FACTOR,)}
