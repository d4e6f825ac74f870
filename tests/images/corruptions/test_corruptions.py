"""Laws of corruptions: range, shape, dtype, randomness, names."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.images import corruptions
from rdd_jax.images.corruptions import FAMILIES, RELEASED, named
from rdd_jax.images.families import (
  CORE,
  RELATED,
  RELEASED_DEFAULT,
  family_of,
)

FIXED = [
  'blur',
  'fold',
  'invert',
  'invert_released',
  'jigsaw',
  'outline',
  'pixelate',
  'posterize',
  'rgb_ghost',
  'solarize',
]
RANDOM = [
  'add_noise',
  'arithmetic_mean',
  'geometric_mean',
  'noise_phase',
  'paste',
  'rotate',
  'shuffle_tiles',
  'silhouette',
  'speckle',
  'swap_amplitude',
  'uniform_speckle',
  'warp',
]
ALL = {name: getattr(corruptions, name)() for name in FIXED + RANDOM}
COMMON = (16, 8, 8, 3)  # one shape for most tests: compiling takes the time


def pixels(*shape: int) -> np.ndarray:
  return np.random.default_rng(0).random(shape, np.float32)


@jax.jit
def each(key, x):
  """All that the shape allows."""
  square = x.shape[1] == x.shape[2]
  return {
    name: f(key, x) for name, f in ALL.items() if square or name != 'rotate'
  }


def run(x, seed: int = 0) -> dict[str, np.ndarray]:
  return jax.tree.map(np.asarray, each(jax.random.key(seed), x))


@pytest.mark.parametrize('shape', [COMMON, (3, 7, 10, 1)])
def test_keeps_range_and_shape(shape):
  x = pixels(*shape)
  x[0], x[1] = 0, 1
  for name, y in run(x).items():
    assert y.shape == x.shape, name
    assert y.min() >= 0, name  # and so is no NaN
    assert y.max() <= 1, name


@pytest.mark.parametrize('shape', [(28, 28, 1), (32, 32, 3), (13, 20, 2)])
@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float16, jnp.float32])
def test_keeps_dtype(shape, dtype):
  x = jax.ShapeDtypeStruct((2, *shape), dtype)
  for y in jax.eval_shape(each, jax.random.key(0), x).values():
    assert (y.shape, y.dtype) == (x.shape, dtype)


def test_half_precision_agrees_with_single():
  x = jnp.asarray(pixels(*COMMON), jnp.bfloat16)
  single = run(np.asarray(x, np.float32))
  names = ('blur', 'pixelate', 'warp', 'noise_phase', 'geometric_mean')
  half = jax.jit(lambda key, x: {name: ALL[name](key, x) for name in names})
  for name, y in half(jax.random.key(0), x).items():
    y = np.asarray(y, np.float32)
    np.testing.assert_allclose(y, single[name], atol=0.01)


def test_is_random_by_key_and_by_row():
  x = np.repeat(pixels(2, *COMMON[1:]), 8, axis=0)
  first, again, other = (run(x, seed) for seed in (0, 0, 1))
  for name, y in first.items():
    np.testing.assert_array_equal(y, again[name])
    if name in FIXED:
      np.testing.assert_array_equal(y, other[name])
    else:
      assert (y != other[name]).any(), name
      assert len(np.unique(y, axis=0)) > 2, name


def test_changes_every_row():
  x = pixels(*COMMON)
  for name, y in run(x).items():
    assert (np.abs(y - x).max((1, 2, 3)) > 0.02).all(), name


def test_one_pixel_is_enough_for_what_needs_no_more():
  x, key = jnp.asarray(pixels(3, 1, 1, 1)), jax.random.key(0)
  larger = {'jigsaw', 'paste', 'shuffle_tiles'}
  for name in ALL.keys() - larger:
    assert jax.eval_shape(ALL[name], key, x).shape == x.shape, name
  for name in ('blur', 'noise_phase', 'pixelate', 'warp'):
    y = jax.jit(ALL[name])(key, x)
    np.testing.assert_allclose(y, x, atol=1e-6)
  for name in larger:
    with pytest.raises(UserError, match=rf'^{name}.* 1x1 pixels: it needs .*$'):
      ALL[name](key, x)


def test_every_name_names_a_corruption_and_its_family():
  x = jax.ShapeDtypeStruct((3, 8, 8, 3), jnp.float32)
  known = {*FAMILIES, *RELEASED, *ALL, 'negative'}
  assert sorted(sum(RELATED.values(), ())) == sorted(known)
  for name in known:
    y = jax.eval_shape(named(name), jax.random.key(0), x)
    assert (y.shape, y.dtype) == (x.shape, x.dtype)
    assert len(family_of(name)) == 1
    assert family_of(name) <= {*FAMILIES, 'color'}
  assert set(CORE) <= set(FAMILIES)
  assert set(RELEASED_DEFAULT) <= set(RELEASED)
  assert len(RELEASED) == 8


@pytest.mark.parametrize(
  ('name', 'tags'),
  [
    ('tiles', {'tiles'}),
    ('jigsaw', {'tiles'}),
    ('gauss_speckle', {'noise'}),
    ('add_noise', {'noise'}),
    ('invert', {'inversion'}),
    ('negative', {'inversion'}),
    ('avg_mean', {'mix'}),
    ('blur', {'resolution'}),
    ('outline', {'flat'}),
    ('rgb_ghost', {'color'}),
    ('rotation', {'rotation'}),
    ('tiles+noise', {'tiles', 'noise'}),
    ('jigsaw+shuffle_tiles', {'tiles'}),
  ],
)
def test_family_of(name, tags):
  assert family_of(name) == tags


def test_invert_by_name_is_the_released_one():
  x, key = jnp.asarray(pixels(2, 4, 4, 3)), jax.random.key(0)
  np.testing.assert_array_equal(named('invert')(key, x)[..., 0], x[..., 0])
  np.testing.assert_array_equal(named('negative')(key, x), 1 - x)
  twice = named('negative+negative')(key, x)
  np.testing.assert_allclose(twice, x, atol=1e-6)


@pytest.mark.parametrize('lookup', [named, family_of])
def test_a_misspelt_name_is_an_error_with_the_nearest(lookup):
  with pytest.raises(UserError, match="'tile': did you mean 'tiles'"):
    lookup('noise+tile')
