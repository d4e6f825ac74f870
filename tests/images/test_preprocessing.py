"""Laws of preprocessing: it standardises, whitens as it says, and inverts."""

from __future__ import annotations

import io

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.images.preprocessing import Preprocessing, fit, standardize
from rdd_jax.images.published import STATISTICS

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3)]


def pixels(n: int, shape=(8, 8, 3), seed: int = 0) -> np.ndarray:
  """Images whose pixels correlate, as uint8."""
  rng = np.random.default_rng(seed)
  x = rng.normal(size=(n, *shape)).cumsum(1).cumsum(2)
  return np.clip(110 + 12 * x, 0, 255).astype(np.uint8)


@pytest.mark.parametrize('shape', SHAPES)
def test_standardized_channels_have_no_mean_and_unit_variance(shape):
  images = pixels(50, shape)
  y = np.asarray(fit(images)(jnp.asarray(images)), np.float64)
  np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-5)
  np.testing.assert_allclose(y.std((0, 1, 2)), 1, atol=1e-5)


@pytest.mark.parametrize('zca', [None, 0.1])
@pytest.mark.parametrize('convention', ['kornia', 'frepo'])
@pytest.mark.parametrize('shape', [(8, 8, 1), (14, 14, 1), (8, 8, 3)])
def test_inverse_undoes_it_outside_the_unit_interval_too(
  shape, convention, zca
):
  fitted = fit(pixels(60, shape), zca=zca, convention=convention)
  x = 3 * jax.random.normal(jax.random.key(0), (5, *shape))
  chex.assert_trees_all_close(fitted.inverse(fitted(x)), x, atol=2e-4)
  chex.assert_trees_all_close(fitted(fitted.inverse(x)), x, atol=2e-4)


@pytest.mark.parametrize('zca', [0.1, 1e-3])
@pytest.mark.parametrize('convention', ['kornia', 'frepo'])
def test_whitened_covariance_is_the_regularised_identity(convention, zca):
  images = pixels(2500, (6, 6, 3))  # more than two chunks
  fitted = fit(images, zca=zca, convention=convention)
  flat = np.asarray(fitted(jnp.asarray(images)), np.float64).reshape(2500, -1)
  np.testing.assert_allclose(flat.mean(0), 0, atol=1e-4)
  x = images.reshape(2500, -1) / 255
  kornia = convention == 'kornia'
  if not kornia:
    channel = images / 255
    channel = (channel - channel.mean((0, 1, 2))) / channel.std((0, 1, 2))
    x = channel.reshape(2500, -1)
  before = np.cov(x.T, bias=not kornia)
  ridge = zca if kornia else zca * np.trace(before) / len(before)
  values, vectors = np.linalg.eigh(before)
  expected = (vectors * (values / (values + ridge))) @ vectors.T
  after = np.cov(flat.T, bias=not kornia)
  np.testing.assert_allclose(after, expected, atol=1e-4)


def test_kornia_convention_ignores_channel_statistics():
  fitted = fit(pixels(20), zca=0.1)
  np.testing.assert_array_equal(fitted.mean, np.zeros(3))
  np.testing.assert_array_equal(fitted.std, np.ones(3))


def test_zca_of_fewer_images_than_pixels_is_finite():
  fitted = fit(pixels(10), zca=0.1)
  chex.assert_tree_all_finite(fitted)
  np.testing.assert_allclose(fitted.whiten, fitted.whiten.T, atol=1e-5)
  product = fitted.whiten @ fitted.unwhiten
  np.testing.assert_allclose(product, np.eye(192), atol=1e-4)


def test_bytes_and_unit_floats_are_the_same_images():
  fitted, images = fit(pixels(20), zca=0.1), pixels(4)
  chex.assert_trees_all_close(
    fitted(jnp.asarray(images)), fitted(jnp.asarray(images / 255)), atol=1e-6
  )
  assert fitted(jnp.asarray(images)).dtype == jnp.float32


@pytest.mark.parametrize('name', STATISTICS)
def test_published_constants_standardise(name):
  mean, std = STATISTICS[name]
  f = standardize(mean, std)
  images = jnp.tile(jnp.array(mean), (2, 4, 4, 1))
  chex.assert_trees_all_close(f(images), jnp.zeros_like(images), atol=1e-6)
  chex.assert_trees_all_close(
    f(images + jnp.array(std)[None, None, None]),
    jnp.ones_like(images),
    atol=1e-6,
  )


@pytest.mark.parametrize('zca', [None, 0.1])
def test_round_trips_through_npz(zca):
  fitted, file = fit(pixels(20), zca=zca), io.BytesIO()
  np.savez(file, **fitted.to_arrays())
  file.seek(0)
  with np.load(file) as arrays:
    back = Preprocessing.from_arrays(arrays)
  chex.assert_trees_all_equal(fitted, back)


def test_is_an_argument_of_jitted_functions():
  images = jnp.asarray(pixels(4))
  f = jax.jit(lambda preprocess, x: preprocess.inverse(preprocess(x)))
  for fitted in (fit(pixels(20)), fit(pixels(20), zca=0.1)):
    chex.assert_trees_all_close(f(fitted, images), images / 255, atol=1e-4)


@pytest.mark.parametrize(
  ('bad', 'match'),
  [
    (lambda: fit(np.zeros((4, 8, 8, 1))), 'uint8'),
    (lambda: fit(np.zeros((4, 8, 8), np.uint8)), 'uint8'),
    (lambda: fit(np.zeros((4, 8, 8, 1), np.uint8)), 'std above 0'),
    (lambda: standardize((0.5, 0.5), 0.2), 'every channel'),
    (
      lambda: fit(pixels(4), zca=0.1, convention='pca'),  # type: ignore[arg-type]
      "'pca'",
    ),
  ],
)
def test_bad_input_is_an_error_of_one_line(bad, match):
  with pytest.raises(ValueError, match=match) as error:
    bad()
  assert '\n' not in str(error.value)
