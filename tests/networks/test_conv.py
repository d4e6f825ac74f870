"""The convolution equals the native one in every mode; pools and shardings."""

from __future__ import annotations

from functools import partial

import chex
import flax.linen as nn
import jax
from jax import Array, lax
import jax.numpy as jnp
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from marks import slow_but
import numpy as np
import pytest

from rdd_jax.core import sharding
from rdd_jax.networks import conv as convolution

LAYOUT = ('NHWC', 'HWIO', 'NHWC')

# Image, kernel, strides, padding: the first two are filtered by tiles.
SHAPES = [
  ((2, 6, 6, 16), (3, 3, 16, 17), (1, 1), 'SAME'),
  ((2, 7, 5, 17), (3, 3, 17, 16), (1, 1), ((3, 1), (0, 2))),
  ((2, 6, 6, 3), (3, 3, 3, 16), (1, 1), ((1, 1), (1, 1))),
  ((2, 7, 6, 16), (3, 3, 16, 16), (2, 2), ((1, 1), (1, 1))),
  ((2, 7, 6, 3), (3, 3, 3, 4), (2, 1), 'SAME'),
  ((2, 7, 6, 4), (1, 1, 4, 5), (1, 1), 'VALID'),
  ((2, 7, 6, 4), (1, 1, 4, 5), (2, 2), 'SAME'),
  ((2, 6, 6, 2), (5, 5, 2, 3), (1, 1), ((4, 4), (4, 4))),
  ((2, 8, 9, 2), (4, 4, 2, 3), (4, 4), 'VALID'),
]


def native(x: Array, kernel: Array, strides, padding) -> Array:
  return lax.conv_general_dilated(
    x, kernel, strides, padding, dimension_numbers=LAYOUT
  )


def draw(*shapes) -> list[Array]:
  rng = np.random.default_rng(0)
  return [jnp.asarray(rng.standard_normal(shape)) for shape in shapes]


def close(a, b, tolerance: float) -> None:
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(
      a, b, rtol=0, atol=tolerance * np.abs(b).max()
    ),
    a,
    b,
  )


@pytest.mark.parametrize(('image', 'kernel', 'strides', 'padding'), SHAPES)
def test_conv_is_the_native_one_with_its_first_derivatives(
  image, kernel, strides, padding
):
  x, k = draw(image, kernel)

  @partial(jax.jit, static_argnums=0)
  def run(conv, x, k):
    y, pull = jax.vjp(lambda x, k: conv(x, k, strides, padding), x, k)
    return y, pull(y)

  close(run(convolution.conv, x, k), run(native, x, k), 5e-6)


@pytest.mark.parametrize('index', [0, 2, 3])
def test_conv_has_the_higher_derivatives_of_the_native_one(index):
  image, kernel, strides, padding = SHAPES[index]
  with jax.enable_x64(True):
    x, k, dx, dk = draw(image, kernel, image, kernel)
    assert x.dtype == jnp.float64

    @partial(jax.jit, static_argnums=0)
    def run(conv, x, k):
      def value(x, k):
        return jnp.sin(conv(x, k, strides, padding)).sum()

      def slope(x, k):
        return jax.jvp(value, (x, k), (dx, dk))[1]

      reverse = jax.grad(slope, (0, 1))
      third = jax.jvp(reverse, (x, k), (dx, dk))[1]
      return value(x, k), slope(x, k), reverse(x, k), third

    close(run(convolution.conv, x, k), run(native, x, k), 1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('index', [0, 2])
def test_conv_differentiates_twice_through_remat_in_scan_under_vmap(index):
  image, kernel, strides, padding = SHAPES[index]
  x, ks = draw(image, (2, *kernel))

  def meta_gradient(conv):
    def loss(k, x):
      return jnp.sin(conv(x, k, strides, padding)).mean()

    def unrolled(x, k):
      def step(k, _):
        return k - 0.1 * jax.grad(loss)(k, x), None

      k, _ = lax.scan(jax.checkpoint(step), k, length=2)
      return loss(k, x)

    return jax.jit(jax.vmap(jax.grad(unrolled, (0, 1)), (None, 0)))

  close(
    meta_gradient(convolution.conv)(x, ks), meta_gradient(native)(x, ks), 1e-5
  )


@pytest.mark.slow
def test_conv_serves_flax_and_maps_over_kernels_and_images():
  layer = nn.Conv(16, (3, 3), conv_general_dilated=convolution.conv)
  plain = nn.Conv(16, (3, 3))
  (x,) = draw((2, 3, 6, 6, 16))
  keys = jax.random.split(jax.random.key(0), 2)
  variables = jax.vmap(layer.init, (0, None))(keys, x[0])
  over_both = jax.jit(jax.vmap(layer.apply))(variables, x)
  one_by_one = [
    plain.apply(jax.tree.map(lambda v, i=i: v[i], variables), x[i])
    for i in range(2)
  ]
  close(over_both, jnp.stack(one_by_one), 1e-6)


@pytest.mark.parametrize('index', slow_but((2, 8), (0, 1, 2, 3, 8)))
def test_bias_is_added_to_every_pixel(index):
  image, kernel, strides, padding = SHAPES[index]
  x, k, b = draw(image, kernel, kernel[-1:])

  def fused(b):
    return convolution.conv(x, k, strides, padding, bias=b)

  def apart(b):
    return native(x, k, strides, padding) + b[None, None, None]

  y, pull = jax.vjp(fused, b)
  expected, pull_expected = jax.vjp(apart, b)
  close(y, expected, 3e-6)
  close(pull(y), pull_expected(expected), 3e-6)


@pytest.mark.parametrize(
  ('image', 'kernel', 'options'),
  [
    ((2, 6, 6, 4), (3, 3, 4, 4), {'rhs_dilation': (2, 2)}),
    ((2, 6, 6, 4), (3, 3, 4, 4), {'lhs_dilation': (2, 2)}),
    ((2, 6, 6, 4), (3, 3, 2, 4), {'feature_group_count': 2}),
    ((2, 4, 6, 6), (4, 4, 3, 3), {'dimension_numbers': None}),
  ],
)
def test_conv_leaves_what_it_does_not_know_to_lax(image, kernel, options):
  x, k = draw(image, kernel)
  options = {'dimension_numbers': LAYOUT, **options}
  close(
    convolution.conv(x, k, (1, 1), ((1, 1), (0, 0)), **options),
    lax.conv_general_dilated(x, k, (1, 1), ((1, 1), (0, 0)), **options),
    0,
  )


def test_half_precision_keeps_its_dtype_and_its_accuracy():
  image, kernel, strides, padding = SHAPES[0]
  x, k = (a.astype(jnp.bfloat16) for a in draw(image, kernel))
  y = convolution.conv(x, k, strides, padding)
  assert y.dtype == jnp.bfloat16
  wide = native(x.astype(jnp.float32), k.astype(jnp.float32), strides, padding)
  close(y.astype(jnp.float32), wide, 1e-2)


@pytest.mark.parametrize('size', [2, 3])
def test_pools_are_the_reductions_over_windows(size):
  (x,) = draw((2, 7, 6, 3))
  window, strides = (1, size, size, 1), (1, size, size, 1)
  total = lax.reduce_window(x, 0.0, lax.add, window, strides, 'VALID')
  largest = lax.reduce_window(x, -jnp.inf, lax.max, window, strides, 'VALID')
  close(convolution.avg_pool(x, size), total / size**2, 1e-6)
  close(convolution.max_pool(x, size), largest, 0)


def test_constrain_shards_what_divides_and_keeps_the_rest():
  tree = {
    'rows': jnp.zeros((8, 3)),
    'odd': jnp.zeros((3, 8)),
    'one': jnp.ones(()),
  }
  same = jax.jit(sharding.constrain)(tree)
  close(same, tree, 0)
  mesh = jax.make_mesh((4,), ('data',), axis_types=(AxisType.Auto,))
  with jax.set_mesh(mesh):
    rows = jax.jit(sharding.constrain)(tree)
    columns = jax.jit(partial(sharding.constrain, axis=1))(tree)
  by_rows = NamedSharding(mesh, PartitionSpec('data'))
  by_columns = NamedSharding(mesh, PartitionSpec(None, 'data'))
  assert rows['rows'].sharding.is_equivalent_to(by_rows, 2)
  assert not rows['odd'].sharding.is_equivalent_to(by_rows, 2)
  assert columns['odd'].sharding.is_equivalent_to(by_columns, 2)
  close(rows, tree, 0)


@pytest.mark.parametrize('n', slow_but((5, 11), (1, 5, 8, 11)))
def test_sums_in_blocks_are_sums(n: int):
  """Of values, and of first and second derivatives."""
  rows = jax.random.normal(jax.random.key(n), (n, 3))
  w = jnp.array([0.5, -1.0, 2.0])

  def whole(w, rows):
    return {'sum': jnp.sum(jnp.sin(rows @ w) * rows[:, 0] ** 2)}

  def blocked(w, rows):
    return sharding.sum_in_blocks(lambda part: whole(w, part), rows, 4)

  def slope(fn):
    return lambda w, rows: jax.grad(lambda w: fn(w, rows)['sum'])(w)

  def bend(fn):
    return jax.grad(lambda rows: jnp.sum(slope(fn)(w, rows) ** 2))(rows)

  chex.assert_trees_all_close(blocked(w, rows), whole(w, rows), rtol=1e-5)
  chex.assert_trees_all_close(
    slope(blocked)(w, rows), slope(whole)(w, rows), rtol=1e-4
  )
  chex.assert_trees_all_close(bend(blocked), bend(whole), rtol=1e-4, atol=1e-5)
