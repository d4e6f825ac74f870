"""What each corruption does to the pixels of a row."""

from __future__ import annotations

import itertools

import jax
import numpy as np
import pytest
from scipy import ndimage

from rdd_jax.core.errors import UserError
from rdd_jax.images.corruptions import (
  add_noise,
  blur,
  fold,
  invert,
  invert_released,
  jigsaw,
  noise_phase,
  outline,
  paste,
  pixelate,
  posterize,
  rgb_ghost,
  rotate,
  shuffle_tiles,
  silhouette,
  solarize,
  speckle,
  swap_amplitude,
  uniform_speckle,
  warp,
)

KEY = jax.random.key(0)


def pixels(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).random(shape, np.float32)


def run(f, x) -> np.ndarray:
  return np.asarray(jax.jit(f)(KEY, x))


def test_brightness():
  x = np.float32([0, 0.25, 0.5, 0.75, 1]).reshape(1, 1, 5, 1)
  for f, y in (
    (invert(), [1, 0.75, 0.5, 0.25, 0]),
    (solarize(), [0, 0.25, 0.5, 0.25, 0]),
    (solarize(0.7), [0, 0.25, 0.5, 0.25, 0]),
    (solarize(0), [1, 0.75, 0.5, 0.25, 0]),
    (fold(), [1, 0.5, 0, 0.5, 1]),
  ):
    np.testing.assert_array_equal(run(f, x).ravel(), y)


@pytest.mark.parametrize('levels', [2, 3, 5])
def test_posterise_takes_the_nearest_level(levels):
  x = pixels(3, 8, 8, 3)
  scale = np.linspace(0, 1, levels)
  nearest = np.abs(x[..., None] - scale).argmin(-1)
  np.testing.assert_allclose(run(posterize(levels), x), scale[nearest])


def test_silhouette_is_one_side_in_one_colour():
  x = np.full((40, 12, 12, 3), 0.2, np.float32)
  x[:, 3:9, 3:9] = 0.8
  y = run(silhouette(1e-3), x)
  square = np.zeros((12, 12), bool)
  square[3:9, 3:9] = True
  sides = [(row[square].max() > 0) for row in y]
  for row, inside in zip(y, sides, strict=True):
    shown = square if inside else ~square
    assert not row[~shown].any()
    assert (row[shown] == row[shown][0]).all()
    np.testing.assert_allclose(row[shown].max(), 1)
  assert 8 < sum(sides) < 32


def test_outline_of_a_square_is_its_edge():
  x = np.zeros((1, 12, 12, 1), np.float32)
  x[:, 3:9, 3:9] = 0.5
  y = run(outline(), x)[0, :, :, 0]
  # The difference to the next pixel is where the square begins and ends.
  edge = np.zeros((12, 12), bool)
  edge[2, 3:9] = edge[8, 3:9] = edge[3:9, 2] = edge[3:9, 8] = True
  np.testing.assert_array_equal(y > 0, edge)
  np.testing.assert_array_equal(y[edge], 1)
  assert not run(outline(), np.full((1, 4, 4, 3), 0.3, np.float32)).any()


def test_invert_undoes_itself():
  x = pixels(3, 8, 8, 3)
  for f in (invert(), invert_released()):
    np.testing.assert_allclose(run(f, run(f, x)), x, atol=1e-6)


def test_channels_as_released():
  x = pixels(2, 4, 6, 3)
  red, green, blue = (x[..., i] for i in range(3))
  y = [red, 1 - green, 1 - blue]
  np.testing.assert_array_equal(run(invert_released(), x), np.stack(y, -1))
  y = [green[:, :, ::-1], blue, red]
  np.testing.assert_array_equal(run(rgb_ghost(), x), np.stack(y, -1))
  one = x[..., :1]
  np.testing.assert_array_equal(run(invert_released(), one), 1 - one)
  np.testing.assert_array_equal(run(rgb_ghost(), one), one[:, :, ::-1])


def test_noise_has_the_size_that_it_says():
  x = np.ones((1, 64, 64, 1), np.float32) * np.float32([0, 0.1, 0.4])
  y = run(speckle(0.1), x)
  np.testing.assert_allclose((y - x).std((0, 1, 2)), [0, 0.01, 0.04], rtol=0.1)
  y = run(uniform_speckle(), x)
  np.testing.assert_allclose(y.mean((0, 1, 2)), [0, 0.15, 0.6], rtol=0.02)
  assert (y >= x).all()
  y = run(add_noise(0.1), x)[..., 2]
  np.testing.assert_allclose([y.mean(), y.std()], [0.4, 0.1], rtol=0.1)


def test_pixelate_is_a_projection_that_keeps_the_mean_of_even_blocks():
  x = pixels(3, 30, 20, 3)
  once = run(pixelate(0.2), x)
  np.testing.assert_allclose(run(pixelate(0.2), once), once, atol=1e-6)
  np.testing.assert_allclose(once.mean((1, 2)), x.mean((1, 2)), atol=1e-5)
  assert len(np.unique(np.round(once[0, ..., 0], 5))) == 6 * 4
  np.testing.assert_allclose(run(pixelate(1.0), x), x, atol=1e-6)


def test_pixelate_is_a_box_resize_there_and_back():
  image = pytest.importorskip('PIL.Image')
  x = (255 * pixels(32, 32, 3)).astype(np.uint8)
  small = image.fromarray(x).resize((6, 6), image.Resampling.BOX)
  theirs = np.asarray(small.resize((32, 32), image.Resampling.BOX)) / 255
  ours = run(pixelate(0.2), np.float32(x[None]) / 255)[0]
  np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)


@pytest.mark.parametrize('shape', [(28, 14, 1), (9, 7, 3), (2, 3, 1)])
def test_blur_is_scipys_and_keeps_the_mean(shape):
  x = pixels(2, *shape)
  for sigma in (1 / 14, 0.4):
    y = run(blur(sigma), x)
    sides = [0, sigma * shape[0], sigma * shape[1], 0]
    theirs = ndimage.gaussian_filter(np.float64(x), sides, mode='reflect')
    np.testing.assert_allclose(y, theirs, atol=1e-5)
    np.testing.assert_allclose(y.mean((1, 2)), x.mean((1, 2)), atol=1e-5)
  flat = np.full((1, *shape), 0.3, np.float32)
  np.testing.assert_allclose(run(blur(), flat), flat, atol=1e-6)


def test_blur_takes_detail_away():
  board = np.indices((28, 28)).sum(0) // 2 % 2
  y = run(blur(), np.float32(board)[None, :, :, None])
  assert np.ptp(y[:, 4:-4, 4:-4]) < 0.05


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


@pytest.mark.parametrize(
  ('call', 'message'),
  [
    (lambda x: shuffle_tiles(1), 'one tile'),
    (lambda x: shuffle_tiles(9)(KEY, x), r'\(9\) of 8x10 pixels: it needs .*9'),
    (lambda x: jigsaw()(KEY, x[:, :1]), 'jigsaw of 1x10 pixels: .* 2 along'),
    (lambda x: rotate((45,)), r'rotate\(\(45,\)\): take some of 90'),
    (lambda x: rotate(()), 'take some of 90'),
    (lambda x: rotate()(KEY, x), r'180, 270\)\) of 8x10 pixels: only 180'),
    (lambda x: warp(0), 'at least 1 point'),
    (lambda x: paste((0.5, 0.2)), r'paste\(\(0.5, 0.2\)\): take'),
    (lambda x: paste()(KEY, x[:, :1, :1]), 'paste of 1x1 pixels'),
    (lambda x: solarize(1), r'take a threshold in \[0, 1\)'),
    (lambda x: blur(0), 'positive share'),
    (lambda x: silhouette(0), 'positive share'),
    (lambda x: posterize(1), 'at least 2 levels'),
  ],
)
def test_what_cannot_be_is_an_error_of_one_line(call, message):
  with pytest.raises(UserError, match=message) as error:
    call(pixels(2, 8, 10, 1))
  assert '\n' not in str(error.value)
