"""The laws of label noise, and what it says of bad input."""

from __future__ import annotations

from dataclasses import replace
import zlib

import jax
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data.noise import confusable, instance

# The super-class of each class of CIFAR-100, as its files have it.
COARSE = [
  [4, 30, 55, 72, 95],
  [1, 32, 67, 73, 91],
  [54, 62, 70, 82, 92],
  [9, 10, 16, 28, 61],
  [0, 51, 53, 57, 83],
  [22, 39, 40, 86, 87],
  [5, 20, 25, 84, 94],
  [6, 7, 14, 18, 24],
  [3, 42, 43, 88, 97],
  [12, 17, 37, 68, 76],
  [23, 33, 49, 60, 71],
  [15, 19, 21, 31, 38],
  [34, 63, 64, 66, 75],
  [26, 45, 77, 79, 99],
  [2, 11, 35, 46, 98],
  [27, 29, 44, 78, 93],
  [36, 50, 65, 74, 80],
  [47, 52, 56, 59, 96],
  [8, 13, 48, 58, 90],
  [41, 69, 81, 85, 89],
]
KINDS = ('symmetric', 'symmetric_all', 'asymmetric', 'pair', 'instance')
ROWS = 2000  # of a class


def dataset(
  classes: int = 10, rows: int = ROWS, name: str = 'arrays', pixels: int = 2
) -> data.Dataset:
  """Random images of so many rows of each class, in turns."""
  rng = np.random.default_rng(0)
  labels = np.arange(classes * rows) % classes
  shape = (len(labels), pixels, pixels, 3)
  images = rng.integers(0, 256, shape, np.uint8)
  return data.from_arrays(
    images, labels, images[:classes], labels[:classes], name=name
  )


def corrupt(found: data.Dataset, spec: str, seed: int = 0) -> data.Dataset:
  return data.corrupt(found, spec, jax.random.key(seed))


def transitions(found: data.Dataset) -> np.ndarray:
  """Row y: how labels of true class y are distributed."""
  assert found.train_true_labels is not None
  counts = np.zeros((found.num_classes, found.num_classes))
  np.add.at(counts, (found.train_true_labels, found.train_labels), 1)
  return counts / counts.sum(axis=1, keepdims=True)


def flips(rate: float, to: dict[int, int]) -> np.ndarray:
  matrix = np.eye(10)
  for a, b in to.items():
    matrix[a, a], matrix[a, b] = 1 - rate, rate
  return matrix


EXPECTED = {
  'symmetric': lambda r: np.eye(10) * (1 - r) + (1 - np.eye(10)) * r / 9,
  'symmetric_all': lambda r: np.eye(10) * (1 - r) + r / 10,
  'asymmetric': lambda r: flips(r, {9: 1, 2: 0, 3: 5, 5: 3, 4: 7}),
  'pair': lambda r: flips(r, {i: (i + 1) % 10 for i in range(10)}),
}


@pytest.mark.parametrize('rate', [0.1, 0.4, 0.8])
@pytest.mark.parametrize('kind', EXPECTED)
def test_transitions(kind: str, rate: float):
  found = corrupt(dataset(name='tfds:cifar10:3.0.2'), f'{kind}-{rate}')
  expected = EXPECTED[kind](rate)
  error = np.abs(transitions(found) - expected)
  # Five standard deviations of a binomial; 0 where a flip has no chance.
  assert (error <= 5 * np.sqrt(expected * (1 - expected) / ROWS)).all()
  true = found.train_true_labels
  wrong = 1 - np.diag(expected).mean()
  assert data.effective_rate(found) == pytest.approx(wrong, abs=0.02)
  np.testing.assert_array_equal(true, dataset().train_labels)


def test_symmetric_all_picks_an_exact_number_of_rows():
  # With very many classes, hardly a picked row gets its own label back.
  classes = 500
  found = dataset(classes, 4, pixels=1)
  changed = [
    round(data.effective_rate(corrupt(found, 'symmetric_all-0.1', s)) * 2000)
    for s in range(5)
  ]
  assert max(changed) == 200
  assert min(changed) > 190


def test_asymmetric_goes_by_class_names():
  names = list(confusable.CIFAR10)[::-1]
  found = replace(dataset(), class_names=tuple(names))
  matrix = transitions(corrupt(found, 'asymmetric-0.4'))
  order = [names.index(name) for name in confusable.CIFAR10]
  changed = np.argwhere(matrix[np.ix_(order, order)] * (1 - np.eye(10)))
  assert changed.tolist() == [[2, 0], [3, 5], [4, 7], [5, 3], [9, 1]]


@pytest.mark.parametrize('name', ['mnist', 'tfds:cifar100', 'npz:cifar10.npz'])
def test_asymmetric_flips_pairs_elsewhere(name: str):
  found = dataset(rows=100, name=name)
  pair = corrupt(found, 'pair-0.4').train_labels
  np.testing.assert_array_equal(
    corrupt(found, 'asymmetric-0.4').train_labels, pair
  )


@pytest.mark.parametrize(
  'name', ['tfds:cifar100', 'tfds:cifar100:3.0.2', 'mock:cifar100']
)
def test_super_classes_are_circular(name: str):
  mistaken = confusable.similar_class(dataset(100, 1, name))
  for classes in COARSE:
    following = [*classes[1:], classes[0]]
    assert mistaken[classes].tolist() == following


def test_asymmetric_cifar100_stays_within_super_classes():
  found = corrupt(dataset(100, 100, 'tfds:cifar100'), 'asymmetric-0.4')
  matrix = transitions(found)
  assert (np.diag(matrix) < 0.8).all()
  for classes in COARSE:
    inside = matrix[np.ix_(classes, classes)].sum(axis=1)
    np.testing.assert_allclose(inside, 1)


@pytest.mark.parametrize('rate', [0.2, 0.5, 0.9])
def test_instance_flips_at_the_truncated_rate(rate: float):
  found = corrupt(dataset(), f'instance-{rate}')
  uniform = (np.arange(20_000) + 0.5) / 20_000
  expected = instance.flip_rates(uniform, rate).mean()
  assert data.effective_rate(found) == pytest.approx(expected, abs=0.015)
  # Truncated at one standard deviation, the mean moves by 0.29 of them.
  moved = {0.2: 0.0055, 0.5: 0.0, 0.9: -0.0288}[rate]
  assert expected - rate == pytest.approx(moved, abs=1e-3)


def test_instance_flips_depend_on_the_image():
  # Two images of each class, many times over.
  rng = np.random.default_rng(1)
  images = rng.integers(0, 256, (20, 3, 3, 3), np.uint8)
  which = np.arange(20 * ROWS) % 20
  labels = which % 10
  found = data.from_arrays(
    images[which], labels, images[:10], np.arange(10), name='copies'
  )
  found = corrupt(found, 'instance-0.4')
  counts = np.zeros((2, 20, 10))
  half = np.arange(len(which)) >= len(which) // 2
  np.add.at(counts, (half.astype(int), which, found.train_labels), 1)
  early, late = counts / (ROWS / 2)
  # Copies of an image go the same ways, as far as chance allows.
  assert np.abs(early - late).max() < 5 * np.sqrt(0.5 / ROWS * 2)
  both = (early + late) / 2
  own = both[np.arange(20), np.arange(20) % 10]
  np.testing.assert_allclose(own, 0.6, atol=0.06)
  # The other image of the class goes elsewhere.
  apart = np.abs(both[:10] - both[10:]).sum(axis=1) / 2
  assert apart.mean() > 0.2


def test_instance_rows_are_drawn_for_themselves():
  found = dataset(rows=100)
  key = jax.random.key(3)
  whole = instance.instance(found, 0.4, key)
  # Shifted pixels standardize alike, so scores and labels stay.
  halved = replace(found, train_images=found.train_images // 2 * 2)
  shifted = replace(halved, train_images=halved.train_images // 2 + 10)
  np.testing.assert_array_equal(
    instance.instance(halved, 0.4, key), instance.instance(shifted, 0.4, key)
  )
  # Rows that no flip reaches keep their labels, whatever the image.
  other = replace(found, train_images=found.train_images[::-1].copy())
  moved = instance.instance(other, 0.4, key)
  np.testing.assert_array_equal(
    whole != found.train_labels, moved != found.train_labels
  )
  assert (whole != moved).any()


@pytest.mark.parametrize('kind', KINDS)
def test_laws_of_every_kind(kind: str):
  given = dataset(rows=100)
  first, again, other = (
    corrupt(given, f'{kind}-0.4', seed) for seed in (0, 0, 1)
  )
  np.testing.assert_array_equal(first.train_labels, again.train_labels)
  assert (first.train_labels != other.train_labels).any()
  assert first.train_labels.dtype == np.int32
  assert first.train_true_labels is given.train_labels
  for field in ('train_images', 'test_images', 'test_labels', 'class_names'):
    assert getattr(first, field) is getattr(given, field)
  assert (first.train_labels < 10).all()
  assert (given.train_labels == np.arange(1000) % 10).all()
  clean = corrupt(given, f'{kind}-0')
  np.testing.assert_array_equal(clean.train_labels, given.train_labels)
  assert clean.train_true_labels is given.train_labels
  assert data.effective_rate(clean) == data.effective_rate(given) == 0.0


@pytest.mark.parametrize('kind', [k for k in KINDS if k != 'symmetric_all'])
def test_a_higher_rate_flips_more_of_the_same_rows(kind: str):
  given = dataset(rows=100)
  low, high = (
    corrupt(given, f'{kind}-{rate}').train_labels for rate in (0.2, 0.6)
  )
  wrong = low != given.train_labels
  np.testing.assert_array_equal(low[wrong], high[wrong])
  assert wrong.sum() < (high != given.train_labels).sum()


@pytest.mark.parametrize('kind', KINDS)
def test_labels_are_the_same_on_every_machine(kind: str):
  found = corrupt(dataset(rows=100), f'{kind}-0.4').train_labels
  assert zlib.crc32(found.tobytes()) == PINNED[kind]


PINNED = {
  'symmetric': 1988484134,
  'symmetric_all': 2882915750,
  'asymmetric': 1218832114,
  'pair': 1218832114,
  'instance': 161569530,
}


@pytest.mark.parametrize(
  ('spec', 'match'),
  [
    ('symetric-0.4', "label noise 'symetric'.*mean 'symmetric'.*pair"),
    ('', 'there is symmetric, symmetric_all, asymmetric, pair, instance, hum'),
    ('true', "label noise 'true'"),
    ('pair', "noise 'pair' has the rate ''; .* such as pair-0.4"),
    ('pair-', "rate ''"),
    ('pair-x', "rate 'x'"),
    ('pair-1', r"rate '1'; give a number in \[0, 1\)"),
    ('pair--0.1', "rate '-0.1'"),
    ('pair-nan', "rate 'nan'"),
    ('human-', "set of human labels ''.*worse, aggregate, random1"),
    ('human-wurst', "'wurst': did you mean 'worse'"),
    ('human-noisy', 'labels the 100 classes of cifar100, but arrays has 10; '),
  ],
)
def test_bad_specs(spec: str, match: str):
  with pytest.raises(UserError, match=match) as error:
    corrupt(dataset(rows=1), spec)
  assert '\n' not in str(error.value)


def test_what_cannot_be_corrupted():
  found = dataset(rows=1)
  with pytest.raises(UserError, match=r'leaves class .* lower the rate'):
    corrupt(found, 'symmetric-0.9')
  with pytest.raises(UserError, match='noisy already'):
    corrupt(corrupt(dataset(), 'pair-0.1'), 'pair-0.1')
  with pytest.raises(UserError, match='has one class'):
    corrupt(dataset(classes=1), 'pair-0.1')
