"""Laws of corruptions: range, shape, dtype, and randomness by key."""

from __future__ import annotations

import itertools

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.corruptions import (
  invert,
  one_of,
  pixelate,
  shuffle_tiles,
  speckle,
)

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (12, 20, 3)]
RANDOM = {
  'shuffle': shuffle_tiles(),
  'speckle': speckle(),
  'one_of': one_of(invert(), pixelate(), shuffle_tiles(4)),
}
ALL = RANDOM | {'invert': invert(), 'pixelate': pixelate()}


def pixels(n: int, shape, dtype=jnp.float32):
  return jax.random.uniform(jax.random.key(0), (n, *shape), dtype)


@jax.jit
def each(key, x):
  return {name: f(key, x) for name, f in ALL.items()}


@pytest.mark.parametrize('shape', SHAPES)
def test_keeps_range_and_shape(shape):
  x = pixels(5, shape).at[0].set(0).at[1].set(1)
  for name, y in each(jax.random.key(1), x).items():
    assert y.shape == x.shape, name
    assert float(y.min()) >= 0, name
    assert float(y.max()) <= 1, name


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float16, jnp.float32])
def test_keeps_dtype(dtype):
  x = jax.ShapeDtypeStruct((2, 8, 8, 3), dtype)
  for y in jax.eval_shape(each, jax.random.key(0), x).values():
    assert y.dtype == dtype


def test_is_random_by_key_and_by_row():
  x = jnp.repeat(pixels(1, (8, 8, 3)), 16, axis=0)
  first, again, other = (each(jax.random.key(k), x) for k in (0, 0, 1))
  chex.assert_trees_all_equal(first, again)
  for name in RANDOM:
    assert not np.array_equal(first[name], other[name]), name
    assert len(np.unique(np.asarray(first[name]), axis=0)) > 1, name


def test_invert_undoes_itself():
  x, key = pixels(3, (8, 8, 3)), jax.random.key(0)
  chex.assert_trees_all_close(invert()(key, invert()(key, x)), x, atol=1e-6)


@pytest.mark.parametrize(
  ('shape', 'tiles'),
  [
    ((8, 8, 1), 2),
    ((28, 28, 1), 4),
    ((12, 20, 3), 2),
    ((9, 6, 2), 3),
  ],
)
def test_shuffle_moves_whole_tiles(shape, tiles):
  x = np.asarray(pixels(40, shape))
  y = np.asarray(jax.jit(shuffle_tiles(tiles))(jax.random.key(0), x))

  def cut(image):
    parts = (np.split(r, tiles, 1) for r in np.split(image, tiles, 0))
    return np.stack(list(itertools.chain(*parts))).reshape(tiles**2, -1)

  for before, after in zip(x, y, strict=True):
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(
      np.unique(cut(before), axis=0), np.unique(cut(after), axis=0)
    )


def test_shuffle_reaches_every_other_order():
  x = jnp.repeat(jnp.arange(4.0).reshape(1, 2, 2, 1) / 4, 2000, axis=0)
  y = np.asarray(jax.jit(shuffle_tiles())(jax.random.key(0), x))
  y = y.reshape(2000, 4)
  assert len(np.unique(y, axis=0)) == 23


def test_pixelate_is_a_projection_that_keeps_the_mean_of_even_blocks():
  x, key = pixels(3, (30, 20, 3)), jax.random.key(0)
  once = pixelate(0.2)(key, x)
  chex.assert_trees_all_close(pixelate(0.2)(key, once), once, atol=1e-6)
  chex.assert_trees_all_close(once.mean((1, 2)), x.mean((1, 2)), atol=1e-5)
  assert len(np.unique(np.round(once[0, ..., 0], 5))) == 6 * 4
  chex.assert_trees_all_close(pixelate(1.0)(key, x), x, atol=1e-6)


def test_pixelate_is_a_box_resize_there_and_back():
  image = pytest.importorskip('PIL.Image')
  x = np.asarray(255 * pixels(1, (32, 32, 3))[0]).astype(np.uint8)
  small = image.fromarray(x).resize((6, 6), image.Resampling.BOX)
  theirs = np.asarray(small.resize((32, 32), image.Resampling.BOX)) / 255
  ours = pixelate(0.2)(jax.random.key(0), jnp.asarray(x[None] / 255))[0]
  np.testing.assert_allclose(ours, theirs, atol=1.01 / 255)


def test_speckle_spares_black_and_grows_with_brightness():
  x = jnp.array([0.0, 0.1, 0.4])[None, None, None] * jnp.ones((1, 64, 64, 1))
  y = np.asarray(speckle(0.1)(jax.random.key(0), x))
  np.testing.assert_allclose((y - x).std((0, 1, 2)), [0, 0.01, 0.04], rtol=0.1)
  chex.assert_trees_all_equal(speckle(0.0)(jax.random.key(0), x), x)


def test_one_of_deals_the_kinds_out_to_rows():
  x = jnp.full((400, 4, 4, 1), 0.25)
  y = jax.jit(one_of(invert(), speckle(0.0)))(jax.random.key(0), x)
  inverted = (y == 0.75).all((1, 2, 3))
  chex.assert_trees_all_equal(y[~inverted], x[~inverted])
  assert 0.4 < float(inverted.mean()) < 0.6


def test_tiles_that_do_not_fit_are_errors_of_one_line():
  with pytest.raises(ValueError, match=r'^shuffle_tiles\(3\) of 8x9 pixels.*$'):
    shuffle_tiles(3)(jax.random.key(0), jnp.zeros((2, 8, 9, 1)))
  with pytest.raises(ValueError, match='one tile'):
    shuffle_tiles(1)
