"""Laws of features of patches: what images, mirrors and chunks do to them."""

from __future__ import annotations

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.robust.label_noise import patches
from rdd_jax.robust.label_noise.patches import CHUNK, Dictionary

KEY = jax.random.key(0)
N, SHAPE, M = 2 * CHUNK + 8, (8, 8, 2), 8  # M patches in a dictionary
FEATURES = patches.features


def pictures(n: int, *shape: int) -> jax.Array:
  """Bright blobs, so that patches have contrast and neighbors are alike."""
  rng = np.random.default_rng(0)
  h, w, c = shape
  y, x = np.mgrid[:h, :w]
  at = rng.random((n, 2, 1, 1)) * np.array([h, w]).reshape(2, 1, 1)
  away = (y - at[:, 0]) ** 2 + (x - at[:, 1]) ** 2
  blob = 200 * np.exp(-away / (0.05 * h * w))[..., None]
  return jnp.asarray(blob + rng.integers(0, 50, (n, h, w, c)), jnp.uint8)


IMAGES = pictures(N, *SHAPE)


def learn(images: jax.Array, key: jax.Array = KEY, size: int = M) -> Dictionary:
  return patches.learn(key, images, size)


@jax.jit
def raw(dictionary: Dictionary, images: jax.Array) -> jax.Array:
  """Features before they are standardized, all images at once."""
  return jnp.sqrt(patches._pooled(dictionary, patches._shrunk(images)))


def standardized(x: np.ndarray) -> np.ndarray:
  spread = x.std(0)
  return (x - x.mean(0)) / (spread + 1e-3 * spread.mean() + 1e-6)


def test_features_are_told_of_and_the_same_bits_by_any_number_of_calls(
  monkeypatch,
):
  dictionary, told = learn(IMAGES), []
  at_once = FEATURES(dictionary, IMAGES, True)
  monkeypatch.setattr(patches, 'CALL', 2)
  found = FEATURES(dictionary, IMAGES, True, lambda *at: told.append(at))
  assert told == [(0, N), (2 * CHUNK, N), (N, N)]
  assert (found == at_once).all()


def test_pooling_is_a_loop_over_patches_of_a_quarter():
  dictionary = learn(IMAGES)
  mean, whiten, atoms = (np.asarray(x, np.float64) for x in dictionary[:3])
  threshold, side = float(dictionary.threshold), 4
  found = np.asarray(raw(dictionary, IMAGES)) ** 2
  for n, image in enumerate(np.asarray(IMAGES[:3]) / 255):
    near = np.zeros((5, 5, M))
    for i in range(5):
      for j in range(5):
        patch = image[i : i + side, j : j + side].reshape(-1)
        white = (patch - mean) @ whiten
        near[i, j] = white / (np.linalg.norm(white) + 1e-6) @ atoms
    quarters = [
      near[a : a + 3, b : b + 3].reshape(9, M) for a in (0, 2) for b in (0, 2)
    ]
    for quarter, part in enumerate(quarters):
      for sign, ours in ((1, slice(M)), (-1, slice(M, None))):
        expected = np.maximum(sign * part - threshold, 0).mean(0)
        np.testing.assert_allclose(found[n, quarter, ours], expected, atol=2e-4)


def test_mirror_images_are_alike_where_they_should_be():
  half = IMAGES[: N // 2]
  both = jnp.concatenate([half, half[:, :, ::-1]])
  dictionary = learn(both)
  alike = np.asarray(FEATURES(dictionary, both, True))
  np.testing.assert_allclose(alike[: N // 2], alike[N // 2 :], atol=1e-3)
  apart = np.asarray(FEATURES(dictionary, both, False))
  assert np.abs(apart[: N // 2] - apart[N // 2 :]).mean() > 0.1


@pytest.mark.parametrize('side', [8, 9])
def test_a_mirror_swaps_left_and_right_quarters(side):
  """With patches that are their own mirror images."""
  images = pictures(5, side, side, 1)
  atoms = np.random.default_rng(0).normal(size=(4, 4, M))
  atoms = (atoms + atoms[:, ::-1]).reshape(16, M)
  atoms = jnp.asarray(atoms / np.linalg.norm(atoms, axis=0), jnp.float32)
  dictionary = Dictionary(
    jnp.full(16, 0.3), jnp.eye(16), atoms, jnp.asarray(0.1)
  )
  plain = np.asarray(raw(dictionary, images))
  other = np.asarray(raw(dictionary, images[:, :, ::-1]))
  np.testing.assert_allclose(other, plain[:, [1, 0, 3, 2]], atol=1e-3)


@pytest.mark.parametrize('n', [1, CHUNK, N])
@pytest.mark.parametrize('mirror', [False, True])
def test_chunks_do_not_matter(n, mirror):
  dictionary = learn(IMAGES)
  pooled = np.asarray(raw(dictionary, IMAGES))
  if mirror:
    other = np.asarray(raw(dictionary, IMAGES[:, :, ::-1]))
    pooled = np.sqrt((pooled**2 + other**2) / 2)
  found = FEATURES(dictionary, IMAGES[:n], mirror)
  assert found.shape == (n, 8 * M)
  expected = standardized(pooled[:n].reshape(n, -1))
  np.testing.assert_allclose(found, expected, atol=2e-2)


def test_features_are_standardized_over_images():
  dictionary = learn(IMAGES)
  found = np.asarray(FEATURES(dictionary, IMAGES, False))
  np.testing.assert_allclose(found.mean(0), 0, atol=1e-4)
  spread = found.std(0)
  assert (spread <= 1 + 1e-4).all()
  assert np.median(spread) >= 0.99
  order = np.random.default_rng(0).permutation(N)
  moved = FEATURES(dictionary, IMAGES[order], False)
  np.testing.assert_allclose(moved, found[order], atol=1e-3)


@pytest.mark.parametrize(('n', 'shape'), [(N, SHAPE), (6, (3, 3, 1))])
def test_constant_images_have_finite_features(n, shape):
  """All images the same, each of one color, and one of them so."""
  same = jnp.full((n, *shape), 77, jnp.uint8)
  colors = np.arange(n).reshape(-1, 1, 1, 1) * 5
  plain = jnp.asarray(np.broadcast_to(colors, same.shape), jnp.uint8)
  one = pictures(n, *shape).at[0].set(0)
  for images in (same, plain, one):
    dictionary = learn(images)
    for leaf in dictionary:
      assert np.isfinite(leaf).all()
    for mirror in (False, True):
      assert np.isfinite(FEATURES(dictionary, images, mirror)).all()
  found = FEATURES(learn(same), same, False)
  np.testing.assert_allclose(found, 0, atol=1e-3)


@pytest.mark.parametrize('shape', [(64, 64, 1), (3, 3, 1), (1, 1, 3)])
def test_images_of_any_size_have_features(shape):
  images = pictures(6, *shape)
  found = FEATURES(learn(images), images, False)
  assert found.shape == (6, 8 * M)
  assert np.isfinite(found).all()
  assert np.abs(found).max() > 0.1


def test_large_images_are_those_of_half_the_size():
  small = pictures(6, 32, 32, 1)
  large = jnp.repeat(jnp.repeat(small, 2, 1), 2, 2)
  dictionary = learn(small)
  chex.assert_trees_all_close(dictionary, learn(large), atol=1e-3)
  np.testing.assert_allclose(
    FEATURES(dictionary, small, False),
    FEATURES(dictionary, large, False),
    atol=1e-3,
  )


def test_dictionaries_hold_white_patches_of_unit_length():
  dictionary = learn(IMAGES)
  lengths = jnp.linalg.norm(dictionary.atoms, axis=0)
  np.testing.assert_allclose(lengths, 1, atol=1e-3)
  pixels = np.asarray(IMAGES) / 255
  windows = np.lib.stride_tricks.sliding_window_view(pixels, (4, 4), (1, 2))
  flat = np.moveaxis(windows, 3, -1).reshape(-1, 4 * 4 * 2)
  np.testing.assert_allclose(dictionary.mean, flat.mean(0), atol=1e-4)
  values, vectors = np.linalg.eigh(np.cov(flat.T, bias=True))
  whiten = vectors @ np.diag((values + patches.WHITENING) ** -0.5) @ vectors.T
  np.testing.assert_allclose(dictionary.whiten, whiten, atol=2e-2)
  # Every atom is a patch of some image.
  white = (flat - flat.mean(0)) @ whiten
  white /= np.linalg.norm(white, axis=1, keepdims=True)
  nearest = (white @ np.asarray(dictionary.atoms)).max(0)
  np.testing.assert_allclose(nearest, 1, atol=1e-3)
  assert 0 < dictionary.threshold < 1


def test_dictionaries_follow_their_key_and_may_be_larger_than_patches():
  images = pictures(2, 3, 3, 1)
  one, same = learn(images, size=40), learn(images, size=40)
  other = learn(images, jax.random.key(1), 40)
  assert one.atoms.shape == (1, 40)
  np.testing.assert_array_equal(one.atoms, same.atoms)
  assert (one.atoms != other.atoms).any()
