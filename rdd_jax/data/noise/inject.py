"""Injects label noise into the training set by a named noise model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from jax import Array
import numpy as np

from rdd_jax.core import naming
from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import generator, named
from rdd_jax.data.dataset import Dataset
from rdd_jax.data.noise.cifar_n import human, label_set
from rdd_jax.data.noise.confusable import next_class, similar_class
from rdd_jax.data.noise.instance import instance


def corrupt(
  dataset: Dataset,
  spec: str,
  key: Array,
  *,
  human_labels: str = '',
  data_dir: str | None = None,
) -> Dataset:
  """Returns the data set with noisy training labels; test labels stay clean.

  A noise model is a transition matrix `T[i, j] = P(noisy j | true i)`; R is the
  rate, K the number of classes, N that of training images.

  | spec | noise model |
  |---|---|
  | `symmetric-R` | `T[i, i] = 1 - R`, and `T[i, j] = R/(K-1)` elsewhere |
  | `symmetric_all-R` | exactly round(R N) images get a label drawn from all K |
  | | classes, so about R(K-1)/K are wrong (Li et al. 2020, DivideMix) |
  | `asymmetric-R` | with probability R, the class that it is confused with: |
  | | in CIFAR-10 truck -> automobile, bird -> airplane, cat <-> dog, |
  | | deer -> horse, so about R/2 are wrong (Patrini et al. 2017); in |
  | | CIFAR-100 the next class of the super-class; elsewhere as `pair` |
  | `pair-R` | `T[i, i] = 1 - R`, `T[i, i + 1] = R`, circular |
  | `instance-R` | depends on the image (Xia et al. 2020), see `instance` |
  | `human-NAME` | CIFAR-10N: `worse`, `aggregate`, `random1` to `random3`; |
  | | CIFAR-100N, fine: `noisy` (Wei et al. 2022) |

  Except for `symmetric_all`, labels are flipped independently, and the images
  that a rate flips are among those of any higher rate.

  Args:
    dataset: whose training labels are true, or taken to be.
    spec: the noise model, and its rate in [0, 1) or name.
    key: the same key gives the same labels, on any machine.
    human_labels: for `human-NAME`: an npz with `clean_label`, in the order of
      the training images, or `tfds:cifar10_n`, `tfds:cifar100_n`; '' looks for
      `cifar10n.npz` or `cifar100n.npz` in `data_dir` and in its parent.
    data_dir: the TFDS directory, by default `$RDD_JAX_DATA_DIR`.

  Returns:
    The data set with `train_labels` replaced and `train_true_labels` set.

  Raises:
    UserError: for an unknown spec, labels that are noisy already, a single
      class, a class that loses all of its images, or human labels that are not
      there or not those of the training images.

  >>> import jax
  >>> from rdd_jax.data.dataset import from_arrays
  >>> images, labels = np.zeros((4000, 1, 1, 1), np.uint8), np.arange(4000) % 4
  >>> clean = from_arrays(images, labels, images, labels)
  >>> noisy = corrupt(clean, 'pair-0.4', jax.random.key(0))
  >>> counts = np.zeros((4, 4))
  >>> np.add.at(counts, (noisy.train_true_labels, noisy.train_labels), 1)
  >>> (counts / 1000).round(1)  # the transition matrix
  array([[0.6, 0.4, 0. , 0. ],
         [0. , 0.6, 0.4, 0. ],
         [0. , 0. , 0.6, 0.4],
         [0.4, 0. , 0. , 0.6]])
  """
  kind, (detail,) = naming.parse('label noise', spec, SPECS)
  true = dataset.train_labels
  if dataset.train_true_labels is not None:
    raise UserError(
      f'the labels of {dataset.name} are noisy already; corrupt true ones'
    )
  if dataset.num_classes < 2:
    raise UserError(
      f'{dataset.name} has one class, which no label can be mistaken in; '
      'leave out the noise'
    )
  if kind == 'human':
    labels = human(dataset, detail, human_labels, data_dir)
  else:
    make = KINDS[kind]
    labels = make(dataset, detail, named(key, 'noise')) if detail else true
  rows = np.bincount(labels, minlength=dataset.num_classes)
  if not rows.all():
    name = dataset.class_names[int(rows.argmin())]
    raise UserError(
      f'noise {spec!r} leaves class {name!r} of {dataset.name} without a '
      'training row; lower the rate or take more rows'
    )
  return replace(
    dataset, train_labels=labels.astype(np.int32), train_true_labels=true
  )


def effective_rate(dataset: Dataset) -> float:
  """Returns the fraction of training labels that noise made wrong.

  0.0 without noise. It is below the nominal rate where noise may draw the true
  class, as `symmetric_all` does.

  >>> from dataclasses import replace
  >>> from rdd_jax.data.mock import mock
  >>> clean = mock((4, 4, 1), num_classes=2, n=10)
  >>> effective_rate(clean)
  0.0
  >>> effective_rate(replace(clean, train_true_labels=np.zeros(10, np.int32)))
  0.5
  """
  true = dataset.train_true_labels
  return 0.0 if true is None else float(np.mean(dataset.train_labels != true))


def stand_in(spec: str, dataset: Dataset) -> str:
  """Returns the noise model that replaces `spec` on this data set.

  Mock images have no human labels: they get symmetric noise at the same rate.
  All else stays.

  Args:
    spec: see `corrupt`.
    dataset: whose labels are to be noisy.

  Raises:
    UserError: for an unknown set of human labels.

  >>> from rdd_jax.data.mock import mock
  >>> stand_in('human-worse', mock('cifar10', n=10))
  'symmetric-0.4021'
  """
  kind, _, name = spec.partition('-')
  if kind == 'human' and dataset.name.startswith('mock:'):
    return f'symmetric-{label_set(name).rate}'
  return spec


def _symmetric(dataset: Dataset, rate: float, key: Array) -> np.ndarray:
  true, others = dataset.train_labels, dataset.num_classes - 1
  uniform = generator(key).random((len(true), 2))
  other = (uniform[:, 1] * others).astype(np.int64)
  return np.where(uniform[:, 0] < rate, other + (other >= true), true)


def _symmetric_all(dataset: Dataset, rate: float, key: Array) -> np.ndarray:
  labels, rng = dataset.train_labels.copy(), generator(key)
  rows = rng.permutation(len(labels))[: round(rate * len(labels))]
  labels[rows] = rng.integers(dataset.num_classes, size=len(rows))
  return labels


def _asymmetric(dataset: Dataset, rate: float, key: Array) -> np.ndarray:
  return _mapped(dataset, rate, key, similar_class(dataset))


def _pair(dataset: Dataset, rate: float, key: Array) -> np.ndarray:
  return _mapped(dataset, rate, key, next_class(dataset.num_classes))


def _mapped(
  dataset: Dataset, rate: float, key: Array, mistaken: np.ndarray
) -> np.ndarray:
  true = dataset.train_labels
  return np.where(generator(key).random(len(true)) < rate, mistaken[true], true)


KINDS: dict[str, Callable[[Dataset, float, Array], np.ndarray]] = {
  'symmetric': _symmetric,
  'symmetric_all': _symmetric_all,
  'asymmetric': _asymmetric,
  'pair': _pair,
  'instance': instance,
}
RATE = naming.Value('rate', 0.4, 'in [0, 1)', lambda rate: 0 <= rate < 1)
SPECS = {
  **dict.fromkeys(KINDS, (RATE,)),
  'human': (naming.Value('set of labels', 'worse', kind=str),),
}
