"""The laws of data with rare subgroups, and what it says of bad input."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data.groups.cues import CUES
from rdd_jax.evaluation.metrics import measure

CLASSES, ROWS, TESTS = 10, 40, 23
COLOURED = ('coloured', 'background', 'greyscale')


def dataset(channels: int = 3, side: int = 14) -> data.Dataset:
  """Smooth rows of each class in turns, at most half as bright as can be."""
  rng = np.random.default_rng(0)
  images = rng.integers(0, 128, (CLASSES * ROWS, side, side + 2, channels))
  labels = np.arange(len(images)) % CLASSES
  tests = CLASSES * TESTS
  return data.from_arrays(
    images.astype(np.uint8),
    labels,
    images[:tests].astype(np.uint8),
    labels[:tests],
    name='arrays',
  )


def rarefy(spec: str, seed: int = 0, channels: int = 3) -> data.Dataset:
  return data.rarefy(dataset(channels), spec, jax.random.key(seed))


def groups(found: data.Dataset) -> tuple[np.ndarray, ...]:
  parts = (
    found.train_groups,
    found.test_groups,
    found.train_rare,
    found.test_rare,
  )
  for part, dtype in zip(parts, (np.int32, np.int32, bool, bool), strict=True):
    assert part is not None
    assert part.dtype == dtype
  return parts  # type: ignore[return-value]


@pytest.mark.parametrize('share', [0.05, 0.2, 0.5])
@pytest.mark.parametrize('kind', CUES)
def test_a_share_of_each_class_conflicts(kind: str, share: float):
  found = rarefy(f'{kind}-{share}')
  train, test, rare, test_rare = groups(found)
  for label in range(CLASSES):
    own = found.train_labels == label
    assert rare[own].sum() == round(share * ROWS)
    values = np.bincount(test[found.test_labels == label])
    if kind != 'patch':  # whose four corners are two groups
      assert np.ptp(values) <= 1
  count = CUES[kind].count(CLASSES)
  assert test_rare.mean() == pytest.approx(1 - 1 / count, abs=0.03)
  if not CUES[kind].by_value:
    np.testing.assert_array_equal(train, rare)
    np.testing.assert_array_equal(test, test_rare)
  np.testing.assert_array_equal(found.train_labels, dataset().train_labels)


@pytest.mark.parametrize('kind', CUES)
def test_rows_that_conflict_do_so_at_any_larger_share(kind: str):
  few, many = rarefy(f'{kind}-0.1'), rarefy(f'{kind}-0.4')
  rare, more = groups(few)[2], groups(many)[2]
  assert not (rare & ~more).any()
  same = rare | ~more
  np.testing.assert_array_equal(few.train_images[same], many.train_images[same])
  np.testing.assert_array_equal(few.test_images, many.test_images)


@pytest.mark.parametrize(
  'spec',
  [*(f'{kind}-0.2' for kind in CUES), 'longtail-5'],
)
def test_the_key_draws_all_of_it(spec: str):
  first, again, other = (rarefy(spec, seed) for seed in (3, 3, 4))
  for a, b in zip(groups(first), groups(again), strict=True):
    np.testing.assert_array_equal(a, b)
  np.testing.assert_array_equal(first.train_images, again.train_images)
  np.testing.assert_array_equal(first.test_images, again.test_images)
  assert (
    first.train_images.shape != other.train_images.shape
    or (first.train_images != other.train_images).any()
  )


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('kind', CUES)
def test_a_cue_can_be_read_off_the_pixels(kind: str, channels: int):
  if kind == 'greyscale' and channels == 1:
    pytest.skip('there is no colour to lose')
  found, plain = rarefy(f'{kind}-0.3', channels=channels), dataset(channels)
  assert found.train_images.dtype == np.uint8
  kept = 3 if kind in COLOURED else channels
  assert found.image_shape == (*plain.image_shape[:2], kept)
  # The nearest of the mean changes of rows whose values are known.
  before = np.broadcast_to(plain.train_images, found.train_images.shape)
  change = np.abs(found.train_images.astype(float) - before)
  change = change.reshape(len(change), -1)
  values = groups(found)[0]
  if not CUES[kind].by_value:
    agrees = values == 0
    homes = [change[agrees & (found.train_labels == c)] for c in range(CLASSES)]
    means = np.array([home.mean(0) for home in homes])
    near = np.square(change[:, None] - means).sum(-1).argmin(1)
    gap = np.square(means[:, None] - means).sum(-1)
    share = gap[near, found.train_labels] < gap.max() / 4
    assert (share == agrees).mean() > 0.95
  else:
    means = np.array([change[values == v].mean(0) for v in np.unique(values)])
    near = np.square(change[:, None] - means).sum(-1).argmin(1)
    assert (near == values).mean() > 0.95


@pytest.mark.parametrize('kind', ['line', 'patch'])
def test_pixels_without_the_cue_are_the_same(kind: str):
  found, plain = rarefy(f'{kind}-0.2'), dataset()
  inner = np.s_[:, 3:-3, 3:-3]
  np.testing.assert_array_equal(
    found.train_images[inner], plain.train_images[inner]
  )
  assert (found.train_images == plain.train_images).mean() > 0.8


def test_both_versions_of_a_test_row_stand_side_by_side():
  found, plain = rarefy('greyscale-0.1'), dataset()
  np.testing.assert_array_equal(found.test_images[::2], plain.test_images)
  grey = found.test_images[1::2]
  np.testing.assert_array_equal(grey, np.repeat(grey[..., :1], 3, 3))
  np.testing.assert_array_equal(found.test_labels[::2], plain.test_labels)
  np.testing.assert_array_equal(found.test_labels[1::2], plain.test_labels)
  assert groups(found)[1].tolist() == [0, 1] * len(plain.test_labels)


def test_a_thin_cluster_keeps_its_share():
  rng = np.random.default_rng(0)
  # Three large patterns and a small one in each class.
  sizes = np.array([30, 30, 25, 15])
  which = np.tile(np.repeat(np.arange(4), sizes), 2)
  patterns = rng.integers(0, 256, (2, 4, 6, 6, 1))
  labels = np.repeat([0, 1], 100)
  pixels = patterns[labels, which] * 0.9 + rng.uniform(0, 20, (200, 6, 6, 1))
  pixels = pixels.astype(np.uint8)
  whole = data.from_arrays(pixels, labels, pixels, labels)
  found = data.rarefy(whole, 'thin-0.2', jax.random.key(0))
  train, test, rare, test_rare = groups(found)
  np.testing.assert_array_equal(test_rare, which == 3)
  np.testing.assert_array_equal(test, test_rare)
  np.testing.assert_array_equal(train, rare)
  assert np.bincount(found.train_labels[rare]).tolist() == [3, 3]
  assert len(found.train_labels) == 200 - 2 * 12
  again, other = (
    data.rarefy(whole, 'thin-0.2', jax.random.key(seed)) for seed in (0, 1)
  )
  np.testing.assert_array_equal(found.train_images, again.train_images)
  assert (found.train_images != other.train_images).any()
  np.testing.assert_array_equal(found.test_images, pixels)


def test_the_tail_is_as_long_as_asked_for():
  found = rarefy('longtail-10')
  train, test, rare, test_rare = groups(found)
  sizes = np.bincount(found.train_labels)
  expected = [int(ROWS * 10 ** (-c / 9)) for c in range(CLASSES)]
  assert sizes.tolist() == expected
  np.testing.assert_array_equal(rare, found.train_labels >= 7)
  np.testing.assert_array_equal(test_rare, found.test_labels >= 7)
  assert set(train) == set(test) == {0, 1, 2}


def test_a_minority_is_a_small_share_of_its_class():
  whole = dataset()
  labels = whole.train_labels
  # One row in eight of the even classes, one in two of the odd ones.
  turn = np.arange(len(labels)) // CLASSES
  own = np.where(labels % 2 == 0, turn % 8 == 0, turn % 2 == 0)
  own = np.where(turn == 1, -1, own)
  tests = CLASSES * TESTS
  grouped = replace(whole, train_groups=own, test_groups=own[:tests])
  found = data.rarefy(grouped, 'minority-0.25', jax.random.key(0))
  np.testing.assert_array_equal(
    found.train_rare, (own == 1) & (labels % 2 == 0)
  )
  np.testing.assert_array_equal(found.test_rare, found.train_rare[:tests])
  assert found.train_images is whole.train_images


def test_taking_rows_takes_their_marks():
  found = rarefy('line-0.3')
  some = data.take(found, np.array([5, 2]))
  assert some.train_rare is not None
  np.testing.assert_array_equal(some.train_rare, groups(found)[2][[5, 2]])
  assert some.test_rare is found.test_rare


def test_group_metrics_do_not_depend_on_the_order_of_rows():
  found = rarefy('patch-0.3')
  _, test, _, rare = groups(found)
  rng = np.random.default_rng(0)
  logits = rng.normal(size=(len(test), CLASSES))
  order = rng.permutation(len(test))
  one, other = (
    measure(
      logits[o],
      found.test_labels[o],
      num_classes=CLASSES,
      groups=test[o],
      rare=rare[o],
    )
    for o in (np.arange(len(test)), order)
  )
  assert one == pytest.approx(other)
  empty = measure(
    logits,
    found.test_labels,
    num_classes=CLASSES,
    groups=np.full(len(test), -1),
    rare=np.zeros(len(test), bool),
  )
  assert {'worst_group', 'group_balanced', 'rare_group'}.isdisjoint(empty)
  assert empty['majority_group'] == empty['accuracy']


@pytest.mark.parametrize(
  ('spec', 'complaint'),
  [
    ('lines-0.1', "did you mean 'line'"),
    ('line', 'such as line-0.1'),
    ('line-1', r'a number in \(0, 1\)'),
    ('longtail-1', 'such as longtail-100'),
    ('thin-many', 'such as thin-0.1'),
    ('line-0.001', 'no rare training row'),
    ('minority-0.1', 'needs groups in both splits'),
  ],
)
def test_bad_specs(spec: str, complaint: str):
  with pytest.raises(UserError, match=complaint):
    rarefy(spec)


def test_bad_data():
  key, whole = jax.random.key(0), dataset()
  with pytest.raises(UserError, match='take coloured or background'):
    rarefy('greyscale-0.1', channels=1)
  with pytest.raises(UserError, match='groups already'):
    data.rarefy(rarefy('line-0.1'), 'patch-0.1', key)
  with pytest.raises(UserError, match='noisy already'):
    data.rarefy(data.corrupt(whole, 'pair-0.4', key), 'line-0.1', key)
  few = data.take(whole, np.arange(5 * CLASSES))
  with pytest.raises(UserError, match='thin needs 8'):
    data.rarefy(few, 'thin-0.1', key)
  with pytest.raises(UserError, match=r'give bool\[230\]'):
    data.from_arrays(
      whole.train_images,
      whole.train_labels,
      whole.test_images,
      whole.test_labels,
      test_rare=np.zeros(3, bool),
    )
