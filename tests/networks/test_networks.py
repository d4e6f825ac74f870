"""Sizes, norms, initialisation, batch statistics and errors of the networks."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.networks import functional, layers

SMALL = {
  'convnet': {'width': 16, 'depth': 2},
  'frepo_convnet': {'width': 8},
  'mlp': {'width': 8},
  'resnet18': {'width': 4},
  'resnet18_bn': {'width': 4},
  'vgg11': {'width': 4},
  'alexnet': {'width': 8},
  'vit': {'width': 16, 'depth': 1},
}
SHAPES = [(8, 8, 1), (28, 28, 1), (32, 32, 3)]


def images(*shape: int):
  return jnp.asarray(
    np.random.default_rng(0).standard_normal(shape), jnp.float32
  )


def shapes_of(net, shape):
  return jax.eval_shape(
    lambda key: networks.init(net, key, shape), jax.random.key(0)
  )


def size(tree) -> int:
  return sum(leaf.size for leaf in jax.tree.leaves(tree))


@pytest.mark.parametrize(
  ('name', 'shape', 'outputs', 'options', 'count'),
  [
    ('convnet', (32, 32, 3), 10, {}, 320_010),
    ('convnet', (32, 32, 3), 100, {}, 504_420),
    ('convnet', (64, 64, 3), 200, {'depth': 4}, 857_160),
    ('frepo_convnet', (32, 32, 3), 10, {}, 1_560_842),
    ('resnet18_bn', (32, 32, 3), 10, {}, 11_173_962),
  ],
)
def test_parameter_counts_are_those_of_the_papers(
  name, shape, outputs, options, count
):
  net = networks.build(name, outputs, **options)
  assert size(shapes_of(net, shape)['params']) == count


def test_feature_dimensions():
  def dimension(name, shape):
    net = networks.build(name, 10)
    apply = lambda v, x: networks.apply(net, v, x).features  # noqa: E731
    x = jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    return jax.eval_shape(apply, shapes_of(net, shape), x).shape[1]

  assert dimension('convnet', (32, 32, 3)) == 2048
  assert dimension('convnet', (28, 28, 1)) == 2048  # padded to 32x32
  assert dimension('frepo_convnet', (32, 32, 3)) == 8192
  assert dimension('mlp', (32, 32, 3)) == 128


@pytest.mark.parametrize('name', list(SMALL))
def test_every_network_takes_small_images(name):
  net = networks.build(name, 10, **SMALL[name])
  too_small = {('vgg11', (8, 8, 1)), ('resnet18', (8, 8, 1))}
  for shape in SHAPES:
    if (name, shape) in too_small:
      with pytest.raises(ValueError, match=r'use larger images') as error:
        shapes_of(net, shape)
      assert '\n' not in str(error.value)
      continue
    outputs = jax.eval_shape(
      lambda v, x: networks.apply(net, v, x),
      shapes_of(net, shape),
      jax.ShapeDtypeStruct((2, *shape), jnp.float32),
    )
    assert outputs.logits.shape == (2, 10)
    assert outputs.features.ndim == 2


@pytest.mark.parametrize(
  ('name', 'shape'),
  [
    ('convnet', (8, 8, 1)),
    ('mlp', (8, 8, 1)),
    pytest.param('vit', (8, 8, 1), marks=pytest.mark.slow),
    pytest.param('alexnet', (8, 8, 1), marks=pytest.mark.slow),
    pytest.param('frepo_convnet', (8, 8, 3), marks=pytest.mark.slow),
    pytest.param('resnet18', (32, 32, 3), marks=pytest.mark.slow),
    pytest.param('resnet18_bn', (8, 8, 1), marks=pytest.mark.slow),
    pytest.param('vgg11', (28, 28, 1), marks=pytest.mark.slow),
  ],
)
def test_gradients_of_several_networks_at_once_are_those_of_each(name, shape):
  net = networks.build(name, 3, **SMALL[name])
  x = images(2, *shape)
  keys = jax.random.split(jax.random.key(0), 2)
  variables = jax.vmap(lambda key: networks.init(net, key, shape))(keys)

  def loss(params, stats):
    outputs, _ = networks.apply_training(
      net, {'params': params, 'batch_stats': stats}, x
    )
    return (outputs.logits**2).sum()

  grad = jax.grad(loss)
  args = variables['params'], variables['batch_stats']
  together = jax.jit(jax.vmap(grad))(*args)
  in_turn = jax.jit(lambda args: jax.lax.map(lambda a: grad(*a), args))(args)
  assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(together))
  # A bias before a norm has no gradient but rounding: one scale for all.
  scale = max(float(jnp.abs(leaf).max()) for leaf in jax.tree.leaves(in_turn))
  jax.tree.map(
    lambda a, b: np.testing.assert_allclose(a, b, rtol=0, atol=1e-4 * scale),
    together,
    in_turn,
  )


@pytest.mark.parametrize('groups', [None, 1, 4])
def test_group_norm_is_that_of_flax(groups):
  x = 3.0 * images(2, 5, 4, 8) + 1.0
  ours = layers.GroupNorm(groups)
  theirs = nn.GroupNorm(num_groups=groups or 8, epsilon=1e-5)
  variables = ours.init(jax.random.key(0), x)
  np.testing.assert_allclose(
    ours.apply(variables, x), theirs.apply(variables, x), atol=1e-5
  )


def test_batch_statistics_move_in_training_only():
  net = networks.build('convnet', 3, width=4, depth=1, norm='batch')
  variables = networks.init(net, jax.random.key(0), (8, 8, 1))
  x = images(4, 8, 8, 1)
  assert variables['batch_stats']
  before = networks.apply(net, variables, x)
  outputs, after = networks.apply_training(net, variables, x)
  assert set(after) == {'params', 'batch_stats'}
  assert after['params'] is variables['params']
  moved = [
    not np.array_equal(a, b)
    for a, b in zip(
      jax.tree.leaves(variables['batch_stats']),
      jax.tree.leaves(after['batch_stats']),
      strict=True,
    )
  ]
  assert all(moved)
  assert not np.allclose(outputs.logits, before.logits)
  again = networks.apply(net, variables, x)
  np.testing.assert_array_equal(again.logits, before.logits)


def test_variables_have_both_keys_without_batch_norm():
  net = networks.build('mlp', 3, width=4)
  variables = networks.init(net, jax.random.key(0), (4, 4, 1))
  _, after = networks.apply_training(net, variables, images(2, 4, 4, 1))
  assert variables['batch_stats'] == after['batch_stats'] == {}


def test_initialisation_is_uniform_with_the_bound_of_torch():
  net = networks.build('convnet', 10, depth=1)
  params = networks.init(net, jax.random.key(0), (8, 8, 4))['params']
  conv, norm, dense = (
    params[name] for name in ('Conv_0', 'GroupNorm_0', 'Dense_0')
  )
  for layer, fan_in in ((conv, 36), (dense, 16 * 128)):
    bound = fan_in**-0.5
    for leaf in (layer['kernel'], layer['bias']):
      assert jnp.abs(leaf).max() <= bound
    np.testing.assert_allclose(layer['kernel'].std(), bound / 3**0.5, rtol=0.05)
  assert (norm['scale'] == 1).all()
  assert (norm['bias'] == 0).all()


@pytest.mark.parametrize('norm', list(layers.NORMS))
@pytest.mark.parametrize(
  ('pooling', 'activation'),
  [
    ('avg', 'relu'),
    ('max', 'leaky_relu'),
    ('none', 'sigmoid'),
    ('avg', 'swish'),
    ('avg', 'softplus'),
  ],
)
def test_every_option_of_the_convnet_builds(norm, pooling, activation):
  net = networks.build(
    'convnet',
    3,
    width=4,
    depth=2,
    norm=norm,
    pooling=pooling,
    activation=activation,
  )
  assert size(shapes_of(net, (8, 8, 1))['params']) > 0


def test_options_follow_a_name():
  told = networks.build('frepo_convnet:norm=batch:width=8', 10, depth=2)
  options = {'norm': 'batch', 'width': 8, 'depth': 2}
  assert told == networks.build('frepo_convnet', 10, **options)


@pytest.mark.parametrize(
  ('name', 'options', 'says'),
  [
    ('convnt', {}, "unknown network 'convnt': did you mean 'convnet'"),
    (
      'convnet',
      {'widht': 3},
      "option of convnet 'widht': did you mean 'width'",
    ),
    ('convnet', {'norm': 'instanc'}, "norm 'instanc': did you mean 'instance'"),
    ('convnet', {'pooling': 'mean'}, 'there is avg, max, none'),
    ('convnet', {'activation': 'gelu'}, 'there is relu, leaky_relu'),
    ('vit', {'width': 10, 'heads': 4}, 'width=10 does not divide by heads=4'),
    ('convnet:widht=3', {}, "option of convnet 'widht': did you mean 'width'"),
    ('convnet:width=wide', {}, "width='wide': give int"),
    ('convnet:width', {}, "width='': give int"),
  ],
)
def test_errors_of_build_say_what_there_is(name, options, says):
  with pytest.raises(ValueError, match=says) as error:
    networks.build(name, 10, **options)
  assert '\n' not in str(error.value)


@pytest.mark.parametrize(
  ('name', 'options', 'shape', 'says'),
  [
    ('convnet', {'depth': 4}, (8, 8, 1), '8x8 is less than 16x16'),
    ('convnet', {'depth': 2, 'norm': 'instance'}, (2, 2, 3), 'smaller depth'),
    ('convnet', {'norm': 'group', 'width': 6}, (8, 8, 1), '6 channels in 4'),
    ('vit', {}, (9, 9, 1), 'images of 9x9 do not divide into patches'),
  ],
)
def test_images_that_do_not_suit_raise_one_line(name, options, shape, says):
  net = networks.build(name, 10, **options)
  with pytest.raises(ValueError, match=says) as error:
    networks.init(net, jax.random.key(0), shape)
  assert '\n' not in str(error.value)


def test_functions_do_not_hide_modules():
  assert callable(networks.apply)
  assert networks.functional.apply is networks.apply


@pytest.mark.parametrize('norm', ['instance', 'batch'])
def test_rows_in_blocks_are_rows_at_once(monkeypatch, norm):
  net = networks.build('convnet', 3, norm=norm, width=4, depth=1)
  variables = networks.init(net, jax.random.key(0), (8, 8, 1))
  x = images(7, 8, 8, 1)
  whole = networks.apply(net, variables, x)
  row = 8 * 8 * 4 * 4  # bytes of the first activation
  for block in (1, 3, 6):
    monkeypatch.setattr(functional, 'CACHE', block * row)
    assert networks.block_size(variables, x) == block
    for ours, theirs in zip(
      networks.apply(net, variables, x), whole, strict=True
    ):
      np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)


def test_batch_statistics_are_of_all_rows(monkeypatch):
  monkeypatch.setattr(functional, 'CACHE', 1)
  net = networks.build('convnet', 3, norm='batch', width=4, depth=1)
  variables = networks.init(net, jax.random.key(0), (8, 8, 1))
  x = images(7, 8, 8, 1)
  assert networks.block_size(variables, x, training=True) == len(x)
