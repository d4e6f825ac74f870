"""Crops are picked as by hand, whatever the order and the chunks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.core.errors import UserError
from rdd_jax.core.keys import named
from rdd_jax.core.measure import empirical
from rdd_jax.images.crops import resized_crops
from rdd_jax.images.preprocessing import standardize
from rdd_jax.runtime import distributed as meshes
from rdd_jax.synthetic import crops
from rdd_jax.synthetic.crops import Selection, candidates, scores
from rdd_jax.synthetic.selection import realistic
from rdd_jax.training.teacher import Teacher

SHAPE, CLASSES, N = (8, 8, 1), 2, 10
KEY = jax.random.key(3)
NET = networks.build('convnet', CLASSES, width=4, depth=2, norm='batch')
TEACHER = Teacher(NET, networks.init(NET, jax.random.key(1), SHAPE))
PLAIN = standardize([0.5], [0.25])
IMAGES = np.random.default_rng(0).integers(0, 256, (N, *SHAPE), np.uint8)
MEASURE = empirical(np.arange(N) % CLASSES, CLASSES)
ALL = Selection(draws=0, crops=3)


def pick(measure=MEASURE, chosen=ALL, ipc=2, images: Any = IMAGES):
  return realistic(
    TEACHER,
    KEY,
    images,
    measure,
    chosen,
    num_classes=CLASSES,
    ipc=ipc,
    preprocess=PLAIN,
  )


def crop(row: int, number: int, size: int = 8):
  """One crop of one image, from the draws that the module documents."""
  own = jax.random.fold_in(named(KEY, 'crops'), row)
  u = jax.random.uniform(jax.random.fold_in(own, number), (3,))
  side = int(np.round(np.sqrt((0.08 + 0.92 * u[0]) * 64)))
  y, x = (int(v * (8 - side + 1)) for v in u[1:])
  image = np.asarray(PLAIN(jnp.asarray(IMAGES[row])[None]))[0]
  grid = (np.arange(size) + 0.5) * side / size - 0.5

  def weights(corner: int) -> np.ndarray:
    """Bilinear where it enlarges, a wider hat where it reduces."""
    wide = max(side / size, 1)
    gap = np.abs(corner + grid[:, None] - np.arange(8)[None])
    hat = np.maximum(1 - gap / wide, 0)
    return hat / hat.sum(1, keepdims=True)

  return np.einsum('yi,xj,ijc->yxc', weights(y), weights(x), image)


def loss(cut: np.ndarray, cell: int) -> float:
  logits = networks.apply(NET, TEACHER.variables, jnp.asarray(cut)[None]).logits
  return float(-jax.nn.log_softmax(logits)[0, cell])


def test_selection_is_brute_force_on_ten_images():
  images, found = pick()
  for c in range(CLASSES):
    best = []
    for row in range(c, N, CLASSES):
      tried = [(loss(crop(row, j), c), j) for j in range(3)]
      best.append((*min(tried), row))
    best.sort()
    assert [b[2] for b in best[:2]] == found.rows[c].tolist()
    assert [b[1] for b in best[:2]] == found.crops[c].tolist()
    np.testing.assert_allclose([b[0] for b in best[:2]], found.losses[c], 1e-4)
    for i, (_, number, row) in enumerate(best[:2]):
      np.testing.assert_allclose(
        images[2 * c + i], crop(row, number), atol=1e-4
      )


def test_tiles_are_crops_of_half_the_side_seen_among_zeros():
  images, found = pick(chosen=replace(ALL, tiles=2), ipc=1)
  row, number = found.rows[0, 0], found.crops[0, 0]
  cut = crop(row, number, 4)
  np.testing.assert_allclose(images[0, :4, :4], cut, atol=1e-4)
  seen = np.pad(cut, ((2, 2), (2, 2), (0, 0)))
  np.testing.assert_allclose(found.losses[0, 0], loss(seen, 0), rtol=1e-4)
  last = crop(found.rows[0, 3], found.crops[0, 3], 4)
  np.testing.assert_allclose(images[0, 4:, 4:], last, atol=1e-4)


def test_scores_depend_on_neither_order_nor_chunks(monkeypatch):
  cells = np.asarray(MEASURE.cells)

  def of(rows):
    return scores(TEACHER, KEY, IMAGES, rows, cells[rows], ALL, PLAIN)

  whole, mixed = of(np.arange(N)), np.random.default_rng(1).permutation(N)
  np.testing.assert_allclose(of(mixed), whole[mixed], rtol=1e-5)
  monkeypatch.setattr(crops, 'IN_FLIGHT', 9)  # three rows: not all of ten
  np.testing.assert_allclose(of(np.arange(N)), whole, rtol=1e-5)


def shared(devices: int, images: Any = IMAGES):
  with meshes.use(meshes.make_mesh(devices)):
    return pick(images=images)


def test_several_devices_select_what_one_does(monkeypatch):
  """Losses are of another compilation: XLA's crops differ by 3e-6 there."""
  monkeypatch.setattr(crops, 'IN_FLIGHT', 6)  # two rows in a chunk, of ten
  (images, one), (same, four) = pick(), shared(4, jnp.asarray(IMAGES))
  np.testing.assert_array_equal(four.rows, one.rows)
  np.testing.assert_array_equal(four.crops, one.crops)
  np.testing.assert_allclose(four.losses, one.losses, rtol=1e-5)
  np.testing.assert_allclose(same, images, atol=1e-5)


@pytest.mark.slow
def test_any_number_of_devices_selects_the_same_bits(monkeypatch):
  monkeypatch.setattr(crops, 'IN_FLIGHT', 6)
  (images, two), (same, three) = shared(2), shared(3)
  np.testing.assert_array_equal(same, images)
  for ours, theirs in zip(two, three, strict=True):
    np.testing.assert_array_equal(ours, theirs)


def test_distrusted_rows_are_never_picked():
  weights = np.ones(N, np.float32)
  weights[:6] = 0
  images, found = pick(replace(MEASURE, weights=jnp.asarray(weights)))
  assert found.rows.min() >= 6
  assert len(images) == 4


def test_rows_are_drawn_by_their_weights():
  weights = jnp.where(jnp.arange(N) < 4, 100.0, 1.0)
  measure = replace(MEASURE, weights=weights)
  ids = np.asarray(MEASURE.cells)
  drawn = [
    candidates(key, measure, ids, 2) for key in jax.random.split(KEY, 40)
  ]
  assert all(len(set(rows)) == 4 for rows in drawn)
  assert np.mean([rows < 4 for rows in drawn]) > 0.9


def test_groups_take_equal_shares_and_others_fill_up():
  """Group 1 has one row of each class: its three crops are its share."""
  groups = jnp.asarray((np.arange(N) < 2).astype(np.int32))
  measure = replace(MEASURE, groups=groups)
  _, found = pick(measure, replace(ALL, groups=2), ipc=4)
  assert ((found.rows < 2).sum(1) == 2).all()
  _, found = pick(measure, replace(ALL, groups=2), ipc=8)
  assert ((found.rows < 2).sum(1) == 3).all()


def test_second_crops_are_taken_where_rows_are_few():
  _, found = pick(ipc=7)
  for rows, numbers in zip(found.rows, found.crops, strict=True):
    assert len(set(rows)) == 5
    assert len(set(zip(rows, numbers, strict=True))) == 7
  with pytest.raises(UserError, match='class 0 has 5 training rows'):
    pick(ipc=16)


def test_a_crop_of_the_size_asked_for_is_the_pixels_themselves():
  """16 of 64 pixels, to four by four: no smoothing, no neighbors."""
  images = jnp.asarray(IMAGES, jnp.float32)
  u = jnp.tile(jnp.array([[0.0, 0.99, 0.3]]), (N, 1))
  cut = resized_crops(u, images, (4, 4), 0.25)
  np.testing.assert_allclose(cut, images[:, 4:, 1:5], atol=1e-3)
