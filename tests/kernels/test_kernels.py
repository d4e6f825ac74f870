"""Laws of the kernels: brute force, wide finite networks, symmetries."""

from __future__ import annotations

import itertools
import math

import chex
import jax
import jax.numpy as jnp
from kernels.kernels_cases import (
  ALL,
  CONVOLUTIONAL,
  FLAT,
  FLAT_OTHERS,
  IMAGES,
  KEY,
  OTHERS,
  TWO,
  B,
  W,
)
import numpy as np
import pytest

from rdd_jax import kernels
from rdd_jax.core.errors import UserError
from rdd_jax.kernels.relu import moments

THREE = (*TWO, 'plain')


def by_angle(cross, first, second):
  """ReLU moments by averaging over the angle of a Gaussian in the plane."""
  s, t = math.sqrt(first), math.sqrt(second)
  theta = math.acos(min(1.0, max(-1.0, cross / (s * t))))
  phi = np.arange(100_000) * 2 * np.pi / 100_000
  u, v = np.cos(phi), np.cos(phi - theta)
  both = (u > 0) & (v > 0)
  # The squared length of a standard normal in the plane is 2 on average.
  return 2 * s * t * (u * v * both).mean(), both.mean()


@pytest.mark.parametrize('cosine', [-1.0, -0.7, 0.0, 0.3, 0.999, 1.0])
def test_moments_of_a_relu_by_brute_force(cosine):
  first, second = 2.0, 0.5
  cross = cosine * math.sqrt(first * second)
  found = moments(*(jnp.float32(v) for v in (cross, first, second)))
  expected = by_angle(cross, first, second)
  np.testing.assert_allclose(found, expected, atol=1e-4)


def test_moments_are_those_of_the_arccosine_to_rounding():
  c = np.append(np.linspace(-1, 1, 10_001), [1 - 1e-6, 1e-6 - 1]).astype('f4')
  angle = np.arccos(np.float64(c))
  first = (np.sin(angle) + (np.pi - angle) * c) / (2 * np.pi)
  found = moments(jnp.asarray(c), jnp.ones(()), jnp.ones(()))
  for of, exact in zip(found, (first, 0.5 - angle / (2 * np.pi)), strict=True):
    np.testing.assert_allclose(of, exact, atol=2e-7)
  with jax.enable_x64(True):
    slope = moments(jnp.asarray(c, jnp.float64), jnp.ones(()), jnp.ones(()))[1]
    np.testing.assert_allclose(slope, 0.5 - angle / (2 * np.pi), atol=1e-15)


def recursion(x, y, depth):
  """Entry by entry, in float64, with moments by brute force."""

  def one(x, y):
    def affine(k):
      return W**2 * k + B**2

    k, a, b = (affine(np.mean(p * q)) for p, q in ((x, y), (x, x), (y, y)))
    ntk = k
    for _ in range(depth):
      k, slope = by_angle(k, a, b)
      a, b = (affine(by_angle(v, v, v)[0]) for v in (a, b))
      k = affine(k)
      ntk = k + W**2 * slope * ntk
    return k, ntk

  return np.moveaxis([[one(p, q) for q in y] for p in x], -1, 0)


def test_fully_connected_by_brute_force():
  x, y = (np.asarray(v, np.float64) for v in (FLAT, FLAT_OTHERS))
  found = ALL['fully_connected'](FLAT, FLAT_OTHERS)
  np.testing.assert_allclose(found, recursion(x, y, 2), rtol=1e-3)


def pairs_by_hand(x, y, depth, *, halve=False, global_pool=False):
  """The convolutional recursion on all pairs of pixels, with plain loops."""

  def relu(k, a, b):
    first = np.einsum('hwhw->hw', a)[..., None, None]
    second = np.einsum('hwhw->hw', b)[None, None]
    norm = np.sqrt(first * second)
    theta = np.arccos(np.clip(k / norm, -1, 1))
    slope = (np.pi - theta) / (2 * np.pi)
    return norm * np.sin(theta) / (2 * np.pi) + k * slope, slope

  def conv(k):
    n = k.shape[0]
    out = np.zeros_like(k)
    for h, w, i, j in itertools.product(range(n), repeat=4):
      for s, t in itertools.product((-1, 0, 1), repeat=2):
        p = h + s, w + t, i + s, j + t
        if min(p) >= 0 and max(p) < n:
          out[h, w, i, j] += k[p] / 9
    return out

  def pool(k):
    n = k.shape[0] // 2
    return k.reshape(n, 2, n, 2, n, 2, n, 2).mean((1, 3, 5, 7))

  def all_pairs(x, y):
    return np.einsum('hwc,ijc->hwij', x, y) / x.shape[-1]

  k, a, b = all_pairs(x, y), all_pairs(x, x), all_pairs(y, y)
  ntk = np.zeros_like(k)
  for _ in range(depth):
    k, a, b = (W**2 * conv(v) + B**2 for v in (k, a, b))
    ntk = k + W**2 * conv(ntk)
    after, slope = relu(k, a, b)
    a, b, k, ntk = relu(a, a, a)[0], relu(b, b, b)[0], after, slope * ntk
    if halve:
      a, b, k, ntk = (pool(v) for v in (a, b, k, ntk))

  def read(k):
    return k.mean() if global_pool else np.einsum('hwhw->hw', k).mean()

  nngp = W**2 * read(k) + B**2
  return nngp, nngp + W**2 * read(ntk)


@pytest.mark.parametrize('kind', CONVOLUTIONAL)
def test_convolutional_by_brute_force(kind):
  x, y = (np.asarray(v[0], np.float64) for v in (IMAGES, OTHERS))
  expected = pairs_by_hand(x, y, 2, **CONVOLUTIONAL[kind])
  found = [k[0, 0] for k in ALL[kind](IMAGES, OTHERS)]
  np.testing.assert_allclose(found, expected, rtol=1e-4)


def shallow(kind, b_std):
  if kind == 'fully_connected':
    return kernels.fully_connected(1, W, b_std)
  return kernels.convolutional(1, W, b_std, **CONVOLUTIONAL[kind])


def wide(kind):
  if kind == 'fully_connected':
    return kernels.finite_fully_connected(1, 512, 1, W, B), FLAT[:3]
  options = CONVOLUTIONAL[kind]
  return kernels.finite_convolutional(1, 256, 1, W, B, **options), IMAGES[:3]


@pytest.mark.parametrize('kind', TWO)
def test_kernels_are_the_averages_over_wide_networks(kind):
  net, x = wide(kind)

  def of(key):
    params = net.init(key, x.shape[1:])
    own = kernels.conjugate(lambda x: net.features(params, x))(x)
    return own, kernels.scalar_ntk(net.apply, params, x)

  drawn = jax.jit(lambda keys: jax.lax.map(of, keys))(jax.random.split(KEY, 16))
  for found, each in zip(shallow(kind, B)(x), drawn, strict=True):
    mean, deviation = np.mean(each, 0), np.std(each, 0) / math.sqrt(len(each))
    scale = np.abs(found).max()
    assert (np.abs(mean - found) < 5 * deviation + 0.02 * scale).all()
    np.testing.assert_allclose(mean, found, atol=0.1 * scale)


@pytest.mark.parametrize('kind', THREE)
def test_symmetric_and_positive(kind):
  for k in ALL[kind](IMAGES):
    np.testing.assert_allclose(k, k.T, rtol=1e-6)
    assert np.linalg.eigvalsh(np.asarray(k, np.float64)).min() > -1e-5
  for k, transposed in zip(
    ALL[kind](IMAGES, OTHERS), ALL[kind](OTHERS, IMAGES), strict=True
  ):
    np.testing.assert_allclose(k, transposed.T, rtol=1e-5)
  chex.assert_trees_all_close(
    ALL[kind](IMAGES), ALL[kind](IMAGES, IMAGES), rtol=2e-3
  )


def test_fully_connected_is_invariant_to_rotations():
  turn = np.linalg.qr(np.random.default_rng(0).normal(size=(32, 32)))[0]
  turned = (x @ jnp.asarray(turn, jnp.float32) for x in (FLAT, FLAT_OTHERS))
  kernel = ALL['fully_connected']
  chex.assert_trees_all_close(
    kernel(*turned), kernel(FLAT, FLAT_OTHERS), rtol=1e-4
  )


@pytest.mark.parametrize('kind', ['plain', 'halve_global'])
def test_convolutional_is_invariant_to_mirrors_and_channel_rotations(kind):
  turn = jnp.array([[0.6, 0.8], [-0.8, 0.6]])

  def moved(x):
    return x[:, ::-1] @ turn

  chex.assert_trees_all_close(
    ALL[kind](moved(IMAGES), moved(OTHERS)),
    ALL[kind](IMAGES, OTHERS),
    rtol=1e-4,
  )


@pytest.mark.parametrize('options', [{}, CONVOLUTIONAL['halve_global']])
def test_one_pixel_and_1x1_filters_are_fully_connected(options):
  x, y = FLAT[:, None, None, :], FLAT_OTHERS[:, None, None, :]
  if options.get('halve'):  # a constant image halves to one pixel
    x, y = (jnp.broadcast_to(v, (len(v), 4, 4, 32)) for v in (x, y))
  conv = kernels.convolutional(2, W, B, size=1, **options)
  for args in ((x, y), (x,)):
    flat = [v[:, 0, 0] for v in args]
    chex.assert_trees_all_close(
      conv(*args), ALL['fully_connected'](*flat), rtol=1e-5
    )


@pytest.mark.parametrize('kind', TWO)
def test_gradients_are_finite_where_rows_coincide_or_vanish(kind):
  kernel = shallow(kind, 0.0)
  x = jnp.concatenate([IMAGES[:2], IMAGES[:1], jnp.zeros((1, 4, 4, 2))])

  def loss(x):
    return sum(jnp.sum(k) for k in (*kernel(x), *kernel(x, IMAGES)))

  assert jnp.isfinite(jax.jit(jax.grad(loss))(x)).all()


@pytest.mark.parametrize('kind', TWO)
def test_gradients_are_differences(kind):
  kernel = shallow(kind, B)
  direction = jax.random.normal(KEY, OTHERS.shape)

  def along(t):
    x = OTHERS + t * direction
    return jnp.stack([k.sum() for k in (*kernel(x), *kernel(x, IMAGES))])

  @jax.jit
  def both(step):
    difference = (along(step) - along(-step)) / (2 * step)
    return jax.jacfwd(along)(0.0), difference

  slope, difference = both(1e-2)
  np.testing.assert_allclose(slope, difference, rtol=3e-2, atol=1e-2)


def test_a_kernel_says_what_it_cannot_do():
  with pytest.raises(UserError, match='depth counts hidden layers'):
    kernels.fully_connected(-1)
  with pytest.raises(UserError, match='odd size'):
    kernels.convolutional(1, size=2)
  with pytest.raises(UserError, match='depth of at most 2'):
    kernels.convolutional(3, halve=True)(IMAGES)
