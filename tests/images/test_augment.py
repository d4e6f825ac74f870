"""Laws of augmentation: sharing, identity, gradients, PyTorch's sampling."""

from __future__ import annotations

from functools import partial
import math

import chex
import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import pytest

from rdd_jax.images import augment
from rdd_jax.images.augment import FAMILIES

SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3), (7, 10, 2)]


NOTHING = {
  'color': {'brightness': 0, 'saturation': 0, 'contrast': 0},
  'crop': {'fraction': 0},
  'cutout': {'fraction': 0},
  'flip': {'probability': 0},
  'scale': {'ratio': 1},
  'rotate': {'degrees': 0},
  'resized': {'least': 1},
}


def images(n: int, shape=(8, 8, 3), seed: int = 0, dtype=jnp.float32):
  # As a vector, whose draw takes less to compile.
  drawn = jax.random.normal(
    jax.random.key(seed), (n * math.prod(shape),), dtype
  )
  return jnp.reshape(drawn, (n, *shape))


@partial(jax.jit, static_argnames=('siamese', 'bare'))
def each(key, x, siamese, bare=False):
  """All families at once, at their defaults or at no strength."""
  return {
    name: f(key, x, siamese, **(NOTHING[name] if bare else {}))
    for name, f in FAMILIES.items()
  }


@pytest.mark.parametrize('shape', slow_but(SHAPES[2:3], SHAPES))
def test_siamese_acts_alike_on_batches_of_any_size(shape):
  x, key = images(5, shape), jax.random.key(2)
  # The draws are equal; places and sums may round by the size of the batch.
  chex.assert_trees_all_close(
    jax.tree.map(lambda y: y[:2], each(key, x, True)),
    each(key, x[:2], True),
    atol=2e-5,
  )


@pytest.mark.parametrize('convention', slow_but(('one',), ('one', 'idc')))
def test_siamese_chains_act_alike_too(convention):
  f = jax.jit(augment.dsa(tuple(FAMILIES), siamese=True, convention=convention))
  x = images(4)
  for key in jax.random.split(jax.random.key(2), 8):
    chex.assert_trees_all_close(f(key, x)[:2], f(key, x[:2]), atol=2e-6)


@pytest.mark.parametrize('siamese', [True, False])
def test_copies_stay_equal_only_if_siamese(siamese):
  same = jnp.repeat(images(1), 16, axis=0)
  for name, out in each(jax.random.key(3), same, siamese).items():
    assert bool((out == out[:1]).all()) == siamese, name


@pytest.mark.parametrize('siamese', [True, False])
@pytest.mark.parametrize('shape', slow_but(SHAPES[2:3], SHAPES))
def test_no_strength_is_the_identity(shape, siamese):
  x = images(3, shape)
  for name, y in each(jax.random.key(0), x, siamese, bare=True).items():
    np.testing.assert_array_equal(x, y, err_msg=name)


@pytest.mark.parametrize('siamese', [True, False])
def test_flip_undoes_itself(siamese):
  x, key = images(6), jax.random.key(1)
  flip = jax.jit(augment.flip, static_argnums=2)
  once = flip(key, x, siamese, probability=0.5)
  np.testing.assert_array_equal(flip(key, once, siamese), x)
  always = flip(key, x, siamese, probability=1)
  np.testing.assert_array_equal(always, x[:, :, ::-1])


@pytest.mark.parametrize(
  'siamese', [True, pytest.param(False, marks=pytest.mark.slow)]
)
def test_gradient_is_the_finite_difference(siamese):
  with jax.enable_x64(True):
    x, direction, probe = (
      images(3, (6, 5, 3), seed, jnp.float64) for seed in range(3)
    )

    @jax.jit
    def losses(x):
      out = each(jax.random.key(4), x, siamese)
      return jnp.stack([jnp.sum(probe * y + y**2) for y in out.values()])

    assert losses(x).dtype == jnp.float64
    # The losses are quadratic, so central differences are exact at any step.
    numeric = (losses(x + direction) - losses(x - direction)) / 2
    slopes = np.asarray(jax.jit(jax.jacrev(losses))(x))
    reverse = np.einsum('knhwc,nhwc->k', slopes, direction)
    forward = jax.jit(lambda *args: jax.jvp(losses, *args)[1])(
      (x,), (direction,)
    )
    np.testing.assert_allclose(reverse, numeric, rtol=1e-9)
    np.testing.assert_allclose(forward, numeric, rtol=1e-9)


@pytest.mark.parametrize('dtype', [jnp.bfloat16, jnp.float32])
@pytest.mark.parametrize('convention', ['one', 'idc'])
def test_keeps_dtype_and_shape(convention, dtype):
  f = augment.dsa(tuple(FAMILIES), siamese=False, convention=convention)
  x = images(4, (8, 6, 1), dtype=dtype)
  out = jax.eval_shape(f, jax.random.key(0), x)
  assert (out.shape, out.dtype) == (x.shape, x.dtype)


@pytest.mark.parametrize('shape', SHAPES)
@pytest.mark.parametrize('name', ['scale', 'rotate'])
def test_resampling_is_that_of_pytorch(name, shape):
  torch = pytest.importorskip('torch')
  x, key = images(4, shape), jax.random.key(5)
  ours = each(key, x, False)[name]
  h, w, _ = shape
  theta = np.zeros((4, 2, 3), np.float32)
  if name == 'rotate':
    u = np.asarray(jax.random.uniform(key, (1, 4, 1, 1, 1))).ravel()
    c, s = np.cos((2 * u - 1) * np.pi / 12), np.sin((2 * u - 1) * np.pi / 12)
    theta[:, :, :2] = np.array([[c, -s], [s, c]]).transpose(2, 0, 1)
  else:
    u = np.asarray(jax.random.uniform(key, (2, 4, 1, 1, 1))).reshape(2, 4)
    theta[:, 1, 1], theta[:, 0, 0] = 1 / 1.2 + (1.2 - 1 / 1.2) * u
  grid = torch.nn.functional.affine_grid(
    torch.tensor(theta), (4, shape[2], h, w), align_corners=False
  )
  theirs = torch.nn.functional.grid_sample(
    torch.tensor(np.asarray(x).transpose(0, 3, 1, 2)), grid, align_corners=False
  )
  chex.assert_trees_all_close(
    np.asarray(ours), theirs.numpy().transpose(0, 2, 3, 1), atol=2e-5
  )


@pytest.mark.parametrize('least', [0.08, 0.5])
def test_a_part_is_enlarged_by_what_its_area_says(least):
  """A ramp becomes a flatter one: by the side, whose square is uniform."""
  h, w = 16, 24
  y, x = jnp.meshgrid(jnp.arange(h), jnp.arange(w), indexing='ij')
  ramps = jnp.broadcast_to(
    jnp.stack([y, x], -1).astype(jnp.float32), (600, h, w, 2)
  )
  (name,) = augment.parse(f'resized-{least}')
  f = jax.jit(augment.dsa((name,), siamese=False))
  found = np.asarray(f(jax.random.key(3), ramps))
  # Clear of the rim, where there is nothing to interpolate with.
  inner = found[:, 6:-6, 8:-8]
  down = np.diff(inner[..., 0], axis=1)
  right = np.diff(inner[..., 1], axis=2)
  side = down.mean((1, 2))
  np.testing.assert_allclose(down, side[:, None, None] + 0 * down, atol=1e-4)
  np.testing.assert_allclose(right, side[:, None, None] + 0 * right, atol=1e-4)
  area = side**2
  assert least <= area.min() + 1e-4 < least + 0.01
  assert 0.99 < area.max() <= 1 + 1e-4
  assert abs(area.mean() - (1 + least) / 2) < 0.03
  # It stands anywhere, and within the image.
  assert found.min() >= -1e-4
  assert found[..., 0].max() <= h - 1 + 1e-4
  assert found[..., 1].max() <= w - 1 + 1e-4
  room = h * (1 - side)
  place = (found[:, h // 2, 0, 0] + found[:, h // 2 - 1, 0, 0]) / 2
  share = (place + 0.5 - h * side / 2) / room
  small = room > 2
  assert share[small].min() < 0.03
  assert share[small].max() > 0.97


def test_color_is_brightness_then_saturation_then_contrast():
  x, key = images(3), jax.random.key(6)
  color = jax.jit(augment.color, static_argnums=2)
  whole = color(key, x, True)
  nothing = {'brightness': 0.0, 'saturation': 0.0, 'contrast': 0.0}
  for part in ({'brightness': 1.0}, {'saturation': 2.0}, {'contrast': 0.5}):
    x = color(key, x, True, **(nothing | part))
  chex.assert_trees_all_close(whole, x, atol=1e-5)


def test_saturation_leaves_grey_alone():
  x = images(3, (8, 8, 1))
  y = augment.color(jax.random.key(0), x, False, brightness=0, contrast=0)
  chex.assert_trees_all_close(x, y, atol=1e-6)


def test_color_ranges_are_the_published_ones():
  x = np.tile(np.array([-1, 0, 1], np.float32), (4000, 2, 2, 1))
  color = jax.jit(augment.color, static_argnums=2)
  draw = lambda **options: np.asarray(  # noqa: E731
    color(jax.random.key(0), x, False, **options)
  )
  brightness = draw(saturation=0, contrast=0)[:, 0, 0, 1]
  saturation = draw(brightness=0, contrast=0)[:, 0, 0, 2]
  contrast = draw(brightness=0, saturation=0)[:, 0, 0, 2]
  for values, low, high in (
    (brightness, -0.5, 0.5),
    (saturation, 0, 2),
    (contrast, 0.5, 1.5),
  ):
    assert low <= values.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < values.max() <= high


@pytest.mark.parametrize(('shape', 'most'), [((8, 8, 1), 1), ((28, 28, 1), 4)])
def test_crop_shifts_by_up_to_an_eighth(shape, most):
  h, w, _ = shape
  x = np.zeros((400, *shape), np.float32)
  x[:, h // 2, w // 2] = 1
  crop = jax.jit(augment.crop, static_argnums=2)
  y = np.asarray(crop(jax.random.key(0), x, False))
  _, rows, columns, _ = np.nonzero(y)
  shifts = set(range(-most, most + 1))
  assert set((rows - h // 2).tolist()) == shifts
  assert set((columns - w // 2).tolist()) == shifts


@pytest.mark.parametrize('length', [7, 8])
def test_cutout_blanks_a_box_within_the_image(length):
  x = jnp.ones((400, length, length, 2))
  cutout = jax.jit(augment.cutout, static_argnums=2)
  y = np.asarray(cutout(jax.random.key(0), x, False))
  holes = (y == 0).all(-1)
  assert set(np.unique(y)) == {0, 1}
  assert holes.any((1, 2)).all()
  height, width = holes.any(2).sum(1), holes.any(1).sum(1)
  np.testing.assert_array_equal(holes.sum((1, 2)), height * width)
  assert height.max() == width.max() == 4
  assert holes.any(0).all()


def test_one_applies_each_family_equally_often():
  x = images(2, (8, 8, 3))
  families = ('color', 'cutout', 'flip')
  f = augment.dsa(families, siamese=True, flip=1.0)
  keys = jax.random.split(jax.random.key(0), 600)
  outs = np.asarray(jax.jit(lambda: jax.lax.map(lambda key: f(key, x), keys))())
  flipped = (outs == np.asarray(x)[None, :, :, ::-1]).all((1, 2, 3, 4))
  cut = (outs == 0).any((1, 2, 3, 4))
  rest = ~(flipped | cut)
  for share in (flipped.mean(), cut.mean(), rest.mean()):
    assert abs(float(share) - 1 / 3) < 0.08


def test_idc_always_flips_and_cuts():
  x = 1 + np.abs(images(2, (8, 8, 3)))
  families = ('crop', 'cutout', 'flip', 'scale')
  f = jax.jit(
    augment.dsa(
      families, siamese=True, convention='idc', flip=1.0, crop=0.0, scale=1.0
    )
  )
  for key in jax.random.split(jax.random.key(0), 5):
    y = np.asarray(f(key, x))
    hole = y == 0
    assert hole.any()
    np.testing.assert_array_equal(y, np.where(hole, 0, x[:, :, ::-1]))


def test_no_family_is_the_identity():
  x = images(2)
  for convention in ('one', 'idc'):
    f = augment.dsa((), siamese=True, convention=convention)
    np.testing.assert_array_equal(f(jax.random.key(0), x), x)


def test_flip_shift_of_digits_never_mirrors():
  x = np.zeros((64, 8, 8, 1), np.float32)
  x[:, 3:5, 2], x[:, 3, 4] = 1, 0.5
  shift = jax.jit(augment.flip_shift(siamese=False, flip=False))
  never = np.asarray(shift(jax.random.key(0), x))
  order = (
    np.argmax(never.max(1)[..., 0], 1),
    np.argmax(never.max(1)[..., 0] == 0.5, 1),
  )
  assert (order[0] < order[1]).all()


def test_misspelt_names_are_errors_of_one_line():
  assert augment.parse('color_crop_cutout_flip_scale_rotate') == (
    'color',
    'crop',
    'cutout',
    'flip',
    'scale',
    'rotate',
  )
  for wrong in ('resized-0', 'resized-2', 'resized-half', 'flip-0.5'):
    with pytest.raises(ValueError, match=wrong) as error:
      augment.parse(f'color_{wrong}')
    assert '\n' not in str(error.value)
  for bad in (
    lambda: augment.parse('color_cutuot'),
    lambda: augment.dsa(['cutuot'], siamese=True),
  ):
    with pytest.raises(ValueError, match=r"^unknown .*'cutuot'.*cutout.*$"):
      bad()
  with pytest.raises(ValueError, match="convention 'two'"):
    augment.dsa(['crop'], siamese=True, convention='two')  # type: ignore[arg-type]
