"""Wrong labels, injected into the training rows by a named convention."""

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
  """The data set with wrong training labels; the test rows stay as they are.

  | spec | what is done |
  |---|---|
  | `symmetric-R` | a label is wrong with probability R, and then any other |
  | | class: R/(K-1) each |
  | `symmetric_all-R` | exactly round(R N) rows get a label drawn from all K |
  | | classes, so about R(K-1)/K are wrong (Li et al. 2020, DivideMix) |
  | `asymmetric-R` | with probability R the class that it is mistaken for: |
  | | in CIFAR-10 truck -> automobile, bird -> airplane, cat <-> dog, |
  | | deer -> horse, so about R/2 are wrong (Patrini et al. 2017); in |
  | | CIFAR-100 the next class of the super-class; elsewhere as `pair` |
  | `pair-R` | class i becomes i + 1, circular, with probability R |
  | `instance-R` | what the image looks like (Xia et al. 2020) |
  | `human-NAME` | CIFAR-10N: `worse`, `aggregate`, `random1` to `random3`; |
  | | CIFAR-100N, fine: `noisy` (Wei et al. 2022) |

  Rates are in [0, 1). But for `symmetric_all`, each row is drawn for itself,
  and the rows that a rate flips are among those of any higher rate.

  Args:
    dataset: whose training labels are true, or taken to be.
    spec: the kind, and its rate or name.
    key: the same key gives the same labels, on any machine.
    human_labels: for `human-NAME`: an npz with `clean_label`, in the order of
      the training rows, or `tfds:cifar10_n`, `tfds:cifar100_n`; '' looks for
      `cifar10n.npz` or `cifar100n.npz` in `data_dir` and in its parent.
    data_dir: the TFDS directory, by default `$RDD_JAX_DATA_DIR`.

  Returns:
    The data set with `train_labels` replaced and `train_true_labels` set.

  Raises:
    UserError: for a spec that is none, labels that are noisy already, a class
      that loses all of its rows, or human labels that are not there or not
      those of the training rows.
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
  """The share of training labels that noise made wrong; 0.0 without noise."""
  true = dataset.train_true_labels
  return 0.0 if true is None else float(np.mean(dataset.train_labels != true))


def stand_in(spec: str, dataset: Dataset) -> str:
  """The noise that takes the place of `spec` on this data set.

  No human has labelled mock images: they get symmetric noise at the rate of
  the human labels. All else stays.
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
