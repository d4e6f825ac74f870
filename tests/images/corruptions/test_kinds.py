"""What each corruption does to the pixels of a row."""

from __future__ import annotations

from images.corruptions.kinds_cases import KEY, pixels, run
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
  uniform_speckle,
  warp,
)


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
