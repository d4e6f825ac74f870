"""What corruptions of geometry and frequency do to the pixels of a row."""

from __future__ import annotations

import itertools

from images.corruptions.kinds_cases import KEY, pixels, run
import jax
import numpy as np
import pytest
from scipy import ndimage

from rdd_jax.images.corruptions import (
  jigsaw,
  noise_phase,
  rotate,
  shuffle_tiles,
  swap_amplitude,
  warp,
)


@pytest.mark.parametrize(
  ('shape', 'tiles'),
  [((28, 28, 1), 4), ((9, 7, 3), 2), ((11, 6, 2), 3)],
)
def test_shuffle_moves_whole_tiles(shape, tiles):
  x = pixels(40, *shape)
  y = run(shuffle_tiles(tiles), x)
  h, w = (side - side % tiles for side in shape[:2])

  def cut(image):
    parts = (np.split(r, tiles, 1) for r in np.split(image[:h, :w], tiles, 0))
    return np.stack(list(itertools.chain(*parts))).reshape(tiles**2, -1)

  for before, after in zip(x, y, strict=True):
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(
      np.unique(cut(before), axis=0), np.unique(cut(after), axis=0)
    )
  np.testing.assert_array_equal(x[:, h:], y[:, h:])
  np.testing.assert_array_equal(x[:, :, w:], y[:, :, w:])


def test_shuffle_reaches_every_other_order():
  x = np.tile(np.float32([[0, 1], [2, 3]])[None, :, :, None], (2000, 1, 1, 1))
  y = run(shuffle_tiles(), x)
  assert len(np.unique(y.reshape(2000, 4), axis=0)) == 23


def test_jigsaw_is_the_released_permutation():
  rows, columns = np.mgrid[:32, :32]
  y, x = rows % 16, columns % 16
  quarters = [(rows < 16) & (columns < 16), rows < 16, columns < 16]
  # Where the pixels of top left, top right, bottom left, bottom right are from.
  from_y = np.select(quarters, [(y + 8) % 16, 16 + y, 16 + y], y)
  from_x = np.select(quarters, [x, x, 16 + x], 16 + (x + 8) % 16)
  image = pixels(2, 32, 32, 3)
  np.testing.assert_array_equal(run(jigsaw(), image), image[:, from_y, from_x])


@pytest.mark.parametrize('shape', [(2, 2, 1), (6, 10, 3), (7, 9, 1)])
def test_jigsaw_loses_no_pixel(shape):
  x = pixels(1, *shape)
  y = run(jigsaw(), x)
  h, w = (side // 2 * 2 for side in shape[:2])
  np.testing.assert_array_equal(np.sort(x, None), np.sort(y, None))
  np.testing.assert_array_equal(x[:, h:], y[:, h:])
  np.testing.assert_array_equal(x[:, :, w:], y[:, :, w:])


def test_rotate_turns_by_right_angles():
  x = pixels(64, 6, 6, 2)
  y = run(rotate(), x)
  found = [(y == np.rot90(x, k, (1, 2))).all((1, 2, 3)) for k in (1, 2, 3)]
  assert (np.sum(found, 0) == 1).all()
  assert np.sum(found, 1).min() > 8
  four, quarter = x, rotate([90])
  for _ in range(4):
    four = run(quarter, four)
  np.testing.assert_array_equal(four, x)
  flat = pixels(3, 4, 7, 1)
  half = np.rot90(flat, 2, (1, 2))
  np.testing.assert_array_equal(run(rotate((180,)), flat), half)


def test_warp_of_nothing_or_of_flat_images_is_the_identity():
  x = pixels(3, 9, 7, 3)
  np.testing.assert_array_equal(run(warp(std=0.0), x), x)
  flat = np.full(x.shape, 0.3, np.float32)
  np.testing.assert_allclose(run(warp(), flat), flat, atol=1e-6)


def test_warp_moves_by_what_it_says():
  # A ramp shows how far its pixels come: the middle is a point of the lattice.
  ramp = np.zeros((400, 3, 101, 1), np.float32)
  ramp += np.linspace(0, 1, 101, dtype=np.float32)[:, None]
  moved = 100 * (run(warp(3, 0.05), ramp) - ramp)[..., 0]
  np.testing.assert_allclose(moved[:, :, 50].std(0), 0.05 * 101, rtol=0.15)
  bend = moved[:, 1, 50:75]
  np.testing.assert_allclose(np.diff(bend, 2), 0, atol=1e-3)


def test_warp_samples_bilinearly_and_clamps():
  x = pixels(8, 9, 7, 1)
  y = run(warp(1, 0.3), x)  # one shift for the whole image
  shift = 0.3 * np.asarray(jax.random.normal(KEY, (8, 1, 1, 2)))[:, 0, 0]
  for image, moved, (down, right) in zip(x, y, shift, strict=True):
    at = np.mgrid[:9, :7] + np.array([9 * down, 7 * right])[:, None, None]
    theirs = ndimage.map_coordinates(image[..., 0], at, order=1, mode='nearest')
    np.testing.assert_allclose(moved[..., 0], theirs, atol=1e-4)


def amplitude(x):
  return np.abs(np.fft.fft2(np.float64(x), axes=(1, 2)))


@pytest.mark.parametrize('shape', [(8, 8, 1), (7, 10, 3)])
def test_noise_phase_keeps_amplitudes_and_mean(shape):
  x = 0.5 + 0.02 * (pixels(6, *shape) - 0.5)  # so flat that nothing is clipped
  y = run(noise_phase(), x)
  np.testing.assert_allclose(amplitude(y), amplitude(x), atol=1e-4)
  np.testing.assert_allclose(y.mean((1, 2)), x.mean((1, 2)), atol=1e-5)
  assert np.abs(y - x).max((1, 2, 3)).min() > 1e-3


def test_noise_has_one_phase_for_all_channels():
  x = np.repeat(0.5 + 0.02 * (pixels(2, 8, 8, 1) - 0.5), 3, axis=-1)
  y = run(noise_phase(), x)
  np.testing.assert_allclose(y, np.repeat(y[..., :1], 3, -1), atol=1e-6)


@pytest.mark.parametrize('shape', [(8, 8, 1), (7, 10, 3)])
def test_swap_amplitude_takes_anothers(shape):
  x = 0.5 + 0.02 * (pixels(6, *shape) - 0.5)
  y = run(swap_amplitude(), x)
  before, after = amplitude(x), amplitude(y)
  distance = np.abs(after[:, None] - before[None]).max((2, 3, 4))
  assert distance.min(1).max() < 1e-4
  assert sorted(distance.argmin(1)) == list(range(6))
  assert (distance.argmin(1) != np.arange(6)).all()
  turn = np.fft.fft2(y, axes=(1, 2)) / np.fft.fft2(x, axes=(1, 2))
  sure = np.minimum(before, after) > 0.02
  np.testing.assert_allclose(np.angle(turn)[sure], 0, atol=0.01)
