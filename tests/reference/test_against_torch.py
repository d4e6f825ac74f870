"""Equal to an independent implementation in PyTorch, in float64."""

from __future__ import annotations

from functools import partial
import importlib

from helpers import batch_of
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rdd_jax import networks
from rdd_jax.bench import ours as bench
from rdd_jax.core.batch import NOWHERE
from rdd_jax.core.unroll import backprop, checkpointed
from rdd_jax.objectives import gradient
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.distribution import distribution_matching
from rdd_jax.training import sgd
from rdd_jax.training.inner import Inner

torch = pytest.importorskip('torch')
torch_dd = importlib.import_module('rdd_jax.bench.torch_dd')

CLASSES, IPC, REAL, SHAPE = 3, 2, 5, (8, 8, 3)
DISTANCES = {
  'cosine': torch_dd.cosine_distance,
  'mse': torch_dd.squared_distance,
  'l1': torch_dd.absolute_distance,
}


@pytest.fixture(autouse=True)
def double():
  with jax.enable_x64(True):
    yield


@pytest.fixture
def net():
  return networks.build('convnet', CLASSES, width=4, depth=2)


@pytest.fixture
def variables(net):
  """Random everywhere, so that no scale of one hides an error."""
  fresh = networks.init(net, jax.random.key(0), SHAPE)
  leaves, tree = jax.tree.flatten(fresh)
  draw = np.random.default_rng(1).standard_normal
  return tree.unflatten([jnp.asarray(0.3 * draw(x.shape)) for x in leaves])


@pytest.fixture
def rival(variables):
  model = torch_dd.ConvNet(
    channels=3, classes=CLASSES, image=8, width=4, depth=2
  ).double()
  torch_dd.load(model, variables['params'])
  return model


def images(seed, *lead):
  return np.random.default_rng(seed).standard_normal((*lead, *SHAPE))


def to_torch(x):
  return torch.tensor(np.moveaxis(np.asarray(x), -1, -3).copy())


def from_torch(x):
  return np.moveaxis(x.detach().numpy(), -3, -1)


def rows(x):
  """A batch of `x[k, n, H, W, C]`, by class."""
  cells = jnp.repeat(jnp.arange(x.shape[0]), x.shape[1])
  nowhere = jnp.full(cells.shape, NOWHERE)
  return batch_of(
    inputs=jnp.reshape(x, (-1, *SHAPE)),
    targets=jax.nn.one_hot(cells, CLASSES),
    cells=cells,
    groups=nowhere,
    index=nowhere,
  )


def close(ours, theirs, scale=None):
  scale = np.abs(np.asarray(theirs)).max() if scale is None else scale
  np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-8 * scale)


def close_params(rival, params, tensors):
  """Equal at the scale of all: a bias before a norm has no gradient at all."""
  theirs = [x.detach().numpy() for x in tensors]
  scale = max(np.abs(x).max() for x in theirs)
  pairs = zip(torch_dd.from_flax(rival, params), theirs, strict=True)
  for x, y in pairs:
    close(x.numpy(), y, scale)


def test_logits_and_parameter_gradients(net, variables, rival):
  batch = rows(images(2, CLASSES, IPC))
  labels = torch.tensor(np.array(batch.cells))

  def loss(params):
    return sgd.loss(net, {**variables, 'params': params}, batch, CLASSES)[0]

  logits = rival(to_torch(batch.inputs))
  close(
    networks.apply(net, variables, batch.inputs).logits,
    logits.detach().numpy(),
  )
  theirs = torch.autograd.grad(
    torch.nn.functional.cross_entropy(logits, labels), list(rival.parameters())
  )
  close_params(rival, jax.grad(loss)(variables['params']), theirs)


def test_small_grey_images_are_enlarged_alike():
  grey = np.random.default_rng(7).standard_normal((2, 28, 28, 1))
  net = networks.build('convnet', CLASSES, width=4, depth=2)
  variables = networks.init(net, jax.random.key(0), (28, 28, 1))
  model = torch_dd.ConvNet(
    channels=1, classes=CLASSES, image=28, width=4, depth=2
  ).double()
  torch_dd.load(model, variables['params'])
  close(
    networks.apply(net, variables, jnp.asarray(grey)).logits,
    model(to_torch(grey)).detach().numpy(),
  )


def test_sgd_with_momentum_and_weight_decay(net, variables, rival):
  tx = optax.chain(
    optax.add_decayed_weights(5e-4), optax.sgd(0.01, momentum=0.9)
  )
  state = sgd.Learner(variables, tx.init(variables['params']))
  optimizer = torch_dd.sgd(rival)
  for seed in range(3):
    batch = rows(images(seed, CLASSES, IPC))
    state = sgd.step(net, tx, state, batch, CLASSES)
    torch_dd.training_step(
      rival,
      optimizer,
      to_torch(batch.inputs),
      torch.tensor(np.array(batch.cells)),
    )
  close_params(rival, state.variables['params'], rival.parameters())


def matched(objective, state, synthetic, real):
  """The values of an objective, and the gradient of the images."""

  def total(x):
    values, _, _ = objective.losses(
      rows(x), Step(rows(real), state, jax.random.key(0))
    )
    return values.sum(), values

  return jax.jit(jax.grad(total, has_aux=True))(jnp.asarray(synthetic))


@pytest.mark.parametrize('name', DISTANCES)
def test_gradient_matching(net, variables, rival, name):
  synthetic, real = images(3, CLASSES, IPC), images(4, CLASSES, REAL)
  tx = optax.sgd(0.01)
  objective = gradient.gradient_matching(
    net,
    SHAPE,
    CLASSES,
    CLASSES,
    real_rows=REAL,
    synthetic_rows=IPC,
    inner=Inner(tx, steps=1, batch_size=4),
    outer=1,
    distance=gradient.DISTANCES[name],
  )
  current = sgd.Learner(variables, tx.init(variables['params']))
  state = gradient.GradientState(current, jnp.zeros([], jnp.int32))
  image_gradient, values = matched(objective, state, synthetic, real)
  theirs = torch_dd.gradient_matching_step(
    rival, to_torch(synthetic), to_torch(real), DISTANCES[name]
  )
  close(values, theirs[0].numpy())
  close(image_gradient, from_torch(theirs[1]))


def test_distribution_matching(net, variables, rival):
  synthetic, real = images(5, CLASSES, IPC), images(6, CLASSES, REAL)
  objective = distribution_matching(
    net, SHAPE, CLASSES, real_rows=REAL, synthetic_rows=IPC
  )
  image_gradient, values = matched(objective, variables, synthetic, real)
  theirs = torch_dd.distribution_matching_step(
    rival, to_torch(synthetic), to_torch(real)
  )
  close(values, theirs[0].numpy())
  close(image_gradient, from_torch(theirs[1]))


@pytest.mark.parametrize(
  'adjoint', [checkpointed(), checkpointed(2), backprop()]
)
def test_gradient_through_a_training(net, variables, rival, adjoint):
  synthetic, steps, lr = images(8, CLASSES, IPC), 5, 0.1
  distance = partial(
    bench.distance_travelled, net=net, steps=steps, adjoint=adjoint
  )
  value, gradients = jax.jit(jax.value_and_grad(distance, argnums=(0, 1)))(
    jnp.asarray(synthetic), jnp.asarray(lr), variables
  )
  batch = rows(synthetic)
  theirs = torch_dd.unrolled_gradient(
    rival,
    to_torch(batch.inputs),
    torch.tensor(np.array(batch.cells)),
    steps,
    lr,
  )
  close(value, theirs[0].numpy())
  close(gradients[0].reshape(-1, *SHAPE), from_torch(theirs[1]))
  close(gradients[1], theirs[2].numpy())
