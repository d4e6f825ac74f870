"""ResNet-18 of ImageNet is torchvision's: sizes, outputs, draws."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from marks import slow_but
import numpy as np
import pytest

from rdd_jax import networks
from rdd_jax.networks import conv

IMAGENET = {'norm': 'batch', 'stem': 'imagenet', 'start': 'he'}


def shapes_of(net, side: int):
  return jax.eval_shape(
    lambda key: networks.init(net, key, (side, side, 3)), jax.random.key(0)
  )


def test_there_are_as_many_parameters_as_torchvision_publishes():
  net = networks.build('resnet18', 1000, **IMAGENET)
  leaves = jax.tree.leaves(shapes_of(net, 224)['params'])
  assert sum(leaf.size for leaf in leaves) == 11_689_512


@pytest.mark.parametrize('side', [224, 64, 33])
def test_the_stem_divides_the_sides_by_four(side: int):
  """Of 224 pixels the last stage has 7, as the paper's table 1 says."""
  net = networks.build('resnet18', 7, width=4, **IMAGENET)
  x = jax.ShapeDtypeStruct((2, side, side, 3), jnp.float32)

  def run(variables, x):
    outputs, seen = net.apply(
      variables, x, capture_intermediates=True, mutable=['intermediates']
    )
    return outputs, seen['intermediates']['Block_7']['__call__'][0]

  outputs, last = jax.eval_shape(run, shapes_of(net, side), x)
  assert outputs.logits.shape == (2, 7)
  assert outputs.features.shape == (2, 32)
  assert last.shape == (2, -(-side // 32), -(-side // 32), 32)


def test_other_stems_and_draws_leave_small_images_alone():
  plain = networks.build('resnet18', 3, width=4)
  assert plain == networks.build(
    'resnet18', 3, width=4, stem='small', start='uniform'
  )
  for wrong in ({'stem': 'imagnet'}, {'start': 'hee'}):
    with pytest.raises(ValueError, match='did you mean'):
      networks.build('resnet18', 3, **wrong)


def test_kernels_are_drawn_as_torchvision_draws_them():
  """N(0, 2 / fan_out), U(-1/sqrt(d), 1/sqrt(d)) of the head, ones and zeros."""
  net = networks.build('resnet18', 100, width=32, **IMAGENET)
  params = networks.init(net, jax.random.key(0), (32, 32, 3))['params']
  for kernel in (
    params['Conv_0']['kernel'],
    params['Block_2']['Conv_0']['kernel'],
    params['Block_6']['Conv_2']['kernel'],
  ):
    side, _, _, features = kernel.shape
    std = (2 / (side**2 * features)) ** 0.5
    np.testing.assert_allclose(kernel.std(), std, rtol=0.05)
    assert jnp.abs(kernel).max() > 2.5 * std  # no uniform draw gets there
  assert jnp.abs(params['Dense_0']['kernel']).max() <= 256**-0.5
  for norm in (params['BatchNorm_0'], params['Block_0']['BatchNorm_1']):
    assert (norm['scale'] == 1).all()
    assert (norm['bias'] == 0).all()


@pytest.mark.parametrize('shape', [(5, 5), (6, 7), (112, 112)])
def test_overlapping_maxima_are_those_of_the_window(shape):
  x = np.random.default_rng(0).standard_normal((2, *shape, 3), np.float32)
  theirs = jax.lax.reduce_window(
    x,
    -jnp.inf,
    jax.lax.max,
    (1, 3, 3, 1),
    (1, 2, 2, 1),
    ((0, 0), (1, 1), (1, 1), (0, 0)),
  )
  np.testing.assert_array_equal(conv.overlapping_max_pool(x), theirs)


def test_the_pool_differentiates_twice():
  """An objective's gradient passes through a gradient."""
  x = jnp.asarray(np.random.default_rng(1).standard_normal((1, 5, 5, 2)))

  def of_gradient(x):
    cubed = lambda v: (conv.overlapping_max_pool(v) ** 3).sum()  # noqa: E731
    return (jax.grad(cubed)(x) ** 2).sum()

  direction = jnp.ones_like(x)
  step = 1e-3
  slope = (
    of_gradient(x + step * direction) - of_gradient(x - step * direction)
  ) / (2 * step)
  np.testing.assert_allclose(
    jnp.vdot(jax.grad(of_gradient)(x), direction), slope, rtol=1e-2
  )


def reference(torch, width: int, classes: int, large: bool):
  """The network of the paper, from the layers of `torch.nn`."""
  nn = torch.nn

  class Residual(nn.Module):
    def __init__(self, given: int, made: int, stride: int):
      super().__init__()
      self.one = nn.Conv2d(given, made, 3, stride, 1, bias=False)
      self.two = nn.Conv2d(made, made, 3, 1, 1, bias=False)
      self.norms = nn.ModuleList(nn.BatchNorm2d(made) for _ in range(2))
      self.short = None
      if stride > 1 or given != made:
        self.short = nn.Sequential(
          nn.Conv2d(given, made, 1, stride, bias=False), nn.BatchNorm2d(made)
        )

    def forward(self, x):
      y = torch.relu(self.norms[0](self.one(x)))
      y = self.norms[1](self.two(y))
      return torch.relu(y + (self.short(x) if self.short else x))

  stem = [
    nn.Conv2d(3, width, 7, 2, 3, bias=False)
    if large
    else nn.Conv2d(3, width, 3, 1, 1, bias=False),
    nn.BatchNorm2d(width),
    nn.ReLU(),
  ]
  if large:
    stem.append(nn.MaxPool2d(3, 2, 1))
  blocks, given = [], width
  for stage in range(4):
    made = width * 2**stage
    blocks += [
      Residual(given, made, 2 if stage else 1),
      Residual(made, made, 1),
    ]
    given = made
  head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(given, classes)]
  return nn.Sequential(*stem, *blocks, *head)


def copied(torch, variables, model) -> None:
  """Gives the reference the weights of a network, which it reads by name."""
  params, stats = variables['params'], variables['batch_stats']

  def put(tensor, value) -> None:
    assert tuple(tensor.shape) == value.shape
    tensor.copy_(torch.tensor(np.asarray(value)))

  def convolution(module, given) -> None:
    put(module.weight, np.transpose(given['kernel'], (3, 2, 0, 1)))

  def norm(module, given, seen) -> None:
    put(module.weight, given['scale'])
    put(module.bias, given['bias'])
    put(module.running_mean, seen['mean'])
    put(module.running_var, seen['var'])

  with torch.no_grad():
    convolution(model[0], params['Conv_0'])
    norm(model[1], params['BatchNorm_0'], stats['BatchNorm_0'])
    blocks = [m for m in model if hasattr(m, 'norms')]
    for i, block in enumerate(blocks):
      given, seen = params[f'Block_{i}'], stats[f'Block_{i}']
      convolution(block.one, given['Conv_0'])
      convolution(block.two, given['Conv_1'])
      for j, module in enumerate(block.norms):
        norm(module, given[f'BatchNorm_{j}'], seen[f'BatchNorm_{j}'])
      if block.short:
        convolution(block.short[0], given['Conv_2'])
        norm(block.short[1], given['BatchNorm_2'], seen['BatchNorm_2'])
    put(model[-1].weight, np.asarray(params['Dense_0']['kernel']).T)
    put(model[-1].bias, params['Dense_0']['bias'])


@pytest.mark.parametrize('stem', slow_but(('imagenet',), ('imagenet', 'small')))
def test_a_forward_pass_is_that_of_torch(stem: str):
  """With the weights copied over, in evaluation and in training."""
  torch = pytest.importorskip('torch')
  width, classes, side = 8, 5, 65 if stem == 'imagenet' else 32
  net = networks.build(
    'resnet18', classes, width=width, norm='batch', stem=stem, start='he'
  )
  fresh = networks.init(net, jax.random.key(0), (side, side, 3))
  leaves, tree = jax.tree.flatten(fresh)
  draw = np.random.default_rng(1).uniform
  # Positive, as variances have to be, and unlike each other.
  stirred = [x * draw(0.5, 1.5, x.shape).astype(np.float32) for x in leaves]
  variables = tree.unflatten(stirred)
  model = reference(torch, width, classes, stem == 'imagenet')
  copied(torch, variables, model)
  x = np.random.default_rng(2).standard_normal((3, side, side, 3), np.float32)
  rows = torch.tensor(np.transpose(x, (0, 3, 1, 2)).copy())
  with torch.no_grad():
    judged = model.eval()(rows).numpy()
    trained = model.train()(rows).numpy()

  @jax.jit
  def both(variables, x):
    trained, _ = networks.apply_training(net, variables, x)
    return networks.apply(net, variables, x).logits, trained.logits

  ours = both(variables, x)
  np.testing.assert_allclose(ours[0], judged, rtol=1e-3, atol=1e-4)
  np.testing.assert_allclose(ours[1], trained, rtol=1e-3, atol=1e-4)
