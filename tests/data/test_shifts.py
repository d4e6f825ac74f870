"""The laws of shifted test images."""

from __future__ import annotations

import jax
import numpy as np
from PIL import Image, ImageFilter
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.data import shifts

KEY = jax.random.key(0)


def images(*shape: int) -> np.ndarray:
  """Smooth images: what is blurred must have had a shape."""
  coarse = np.random.default_rng(0).integers(0, 256, (shape[0], 4, 4, shape[3]))
  out = [
    [
      np.asarray(Image.fromarray(plane.astype(np.uint8)).resize(shape[2:0:-1]))
      for plane in np.moveaxis(image, -1, 0)
    ]
    for image in coarse
  ]
  return np.moveaxis(np.array(out), 1, -1)


SOME = images(12, 16, 19, 3)


@pytest.mark.parametrize('kind', shifts.SUITE)
def test_stronger_is_further_away(kind: str):
  distances = []
  for severity in shifts.SEVERITIES:
    found = shifts.corrupted(SOME, kind, severity, KEY)
    assert found.dtype == np.uint8
    assert found.shape == SOME.shape
    distances.append(np.abs(found.astype(float) - SOME).mean())
  assert (np.diff(distances) >= 0).all()
  assert 0.5 < distances[-1] < 128
  assert distances[-1] > 1.2 * distances[0]
  again = shifts.corrupted(SOME, kind, 5, KEY)
  np.testing.assert_array_equal(again, found)


@pytest.mark.parametrize('shape', [(3, 8, 8, 1), (2, 9, 14, 3)])
def test_every_shape_is_kept(shape: tuple[int, ...]):
  given = images(*shape)
  for kind, (make, levels) in shifts.SUITE.items():
    if kind == 'jpeg':
      found = shifts.corrupted(given, kind, 5, KEY)
      assert (found.shape, found.dtype) == (shape, np.uint8)
    else:  # traced alone: compiling takes the time
      like = jax.ShapeDtypeStruct(shape, np.float32)
      found = jax.eval_shape(make(levels[4]), KEY, like)
      assert (found.shape, found.dtype) == (shape, np.float32)
  for found in shifts.published(given, KEY).values():
    assert (found.shape, found.dtype) == (shape, np.uint8)


@pytest.mark.parametrize(
  'kind', ['gaussian_noise', 'shot_noise', 'impulse_noise', 'elastic', 'fog']
)
def test_the_key_draws_the_corruption(kind: str):
  one, other = (
    shifts.corrupted(SOME, kind, 3, jax.random.key(seed)) for seed in (0, 1)
  )
  assert (one != other).any()


def test_the_shifts_of_the_paper():
  found = shifts.published(SOME, KEY)
  assert tuple(found) == shifts.PUBLISHED
  np.testing.assert_array_equal(found['invert'], 255 - SOME)
  blurred = Image.fromarray(SOME[0]).filter(ImageFilter.GaussianBlur(2))
  np.testing.assert_array_equal(found['blur'][0], np.asarray(blurred))
  for side, std in ((32, 0.005**0.5), (65, 0.2)):
    grey = np.full((4, side, side, 3), 128, np.uint8)
    noise = shifts.published(grey, KEY)['noise'] / 255 - 128 / 255
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(std, rel=0.03)


def test_rows_are_taken_in_proportion():
  labels = np.repeat([0, 1, 2], [60, 30, 10])
  rows = shifts.some_rows(labels, 20, KEY)
  assert np.bincount(labels[rows]).tolist() == [12, 6, 2]
  assert len(np.unique(rows)) == 20
  np.testing.assert_array_equal(rows, shifts.some_rows(labels, 20, KEY))
  assert (rows != shifts.some_rows(labels, 20, jax.random.key(1))).any()
  for every in (0, 100, 200):
    np.testing.assert_array_equal(
      shifts.some_rows(labels, every, KEY), np.arange(100)
    )


def test_what_there_is_not():
  assert shifts.kinds_of('all') == tuple(shifts.SUITE)
  assert shifts.kinds_of(('fog', 'jpeg', 'fog')) == ('fog', 'jpeg')
  with pytest.raises(UserError, match="did you mean 'fog'"):
    shifts.kinds_of(('frog',))
  with pytest.raises(UserError, match='from 1 to 5'):
    shifts.corrupted(SOME, 'fog', 6, KEY)
