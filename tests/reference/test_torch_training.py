"""A network trained in PyTorch on what the guide loads is the one we train."""

from __future__ import annotations

from dataclasses import replace
import importlib

import jax
import numpy as np
import optax
import pytest
from readme import LOADER

from rdd_jax import data
from rdd_jax.artifact import store
from rdd_jax.config import defaults
from rdd_jax.core import keys
from rdd_jax.experiment import judge as experiment_judge
from rdd_jax.experiment import sets, trial
from rdd_jax.images.preprocessing import fit
from rdd_jax.synthetic.view import encode
from rdd_jax.training import sgd

torch = pytest.importorskip('torch')
torch_dd = importlib.import_module('rdd_jax.bench.torch_dd')

EPOCHS, WIDTH, DEPTH = 25, 8, 2


def small_set(kind: str, factor: int, outliers: int) -> store.Distilled:
  """Some stored digits of each class, in the shape that is asked for.

  Args:
    kind: of labels, 'soft' or 'free'.
    factor: tiles along the side of an image.
    outliers: rows of noise, with a reject class where there are any.
  """
  digits = data.load('digits')
  ipc = 5 * factor**2
  order = np.argsort(digits.train_labels, kind='stable')
  rows = np.concatenate(
    [order[digits.train_labels[order] == c][:ipc] for c in range(10)]
  )
  config = defaults.config()
  config.network.update({'width': WIDTH, 'depth': DEPTH})
  config.evaluation.update(
    {'epochs': EPOCHS, 'batch_size': 1000, 'learning_rate': 0.05}
  )
  if kind == 'free':
    config.evaluation.loss = 'squared'
  outputs = 10 + bool(outliers)
  rng = np.random.default_rng(0)
  images = digits.train_images[rows].astype(np.float32) / 255
  cells = digits.train_labels[rows][:: factor**2]
  cells = np.r_[cells, np.full(outliers, 10)].astype(np.int32)
  targets = 0.8 * np.eye(outputs)[cells] + 0.2 / outputs
  if kind == 'free':  # off the simplex, as regressions learn them
    targets = targets + rng.normal(0, 0.1, targets.shape)
  images = np.concatenate(
    [
      np.asarray(encode(images, factor)),
      rng.normal(0.5, 0.5, (outliers, 8, 8, 1)),
    ]
  )
  return store.Distilled(
    images=images.astype(np.float32),
    targets=targets.astype(np.float32),
    weights=np.where(cells < 10, 1, 2).astype(np.float32),
    cells=cells,
    preprocessing=fit(digits.train_images, zca=0.1),
    card=sets.card_of(config, digits, outputs, labels=kind, factor=factor),
  )


def losses(kind, logits, y, card):
  """As the guide has it, for labels of either kind."""
  if kind == 'free':
    error = logits - (y - card['labels']['centre'])
    return 0.5 * (error**2).sum(1)
  return torch.nn.functional.cross_entropy(logits, y, reduction='none')


def train(kind, names, net):
  """By the recipe on the card: full batches, a tenth of the rate from half."""
  recipe = names['card']['evaluation']
  x, y, weight, known = (names[k] for k in ('x', 'y', 'weight', 'known'))
  tx = torch.optim.SGD(
    net.parameters(),
    lr=recipe['learning_rate'],
    momentum=recipe['momentum'],
    weight_decay=recipe['weight_decay'],
  )
  for epoch in range(recipe['epochs']):
    if epoch == recipe['epochs'] // 2:
      tx.param_groups[0]['lr'] *= 0.1
    tx.zero_grad()
    each = losses(kind, net(x), y, names['card'])
    ((weight * each).sum() / weight[known].sum()).backward()
    tx.step()


@pytest.mark.slow
@pytest.mark.parametrize(
  ('kind', 'factor', 'outliers'),
  [('soft', 2, 10), ('free', 1, 0), ('soft', 1, 0)],
)
def test_the_same_accuracy_in_pytorch(tmp_path, kind, factor, outliers):
  digits = data.load('digits')
  store.save(tmp_path, small_set(kind, factor, outliers))
  found = store.load(tmp_path)
  judge = experiment_judge.judge_of(found, digits)
  seeds = trial.network_keys(0, 2)
  ours = judge(found, seeds)['convnet']['accuracy']

  names: dict = {}
  exec(LOADER.replace('runs/NAME', str(tmp_path)), names)
  tests = store.to_batch(
    replace(
      found,
      images=digits.test_images.astype(np.float32) / 255,
      card={**found.card, 'factor': 1},
    )
  ).inputs
  tests = torch.tensor(np.array(tests)).permute(0, 3, 1, 2)
  theirs = []
  for key in seeds:
    start = sgd.init(
      judge.nets['convnet'],
      optax.identity(),
      keys.named(key, 'init'),
      (8, 8, 1),
    )
    net = torch_dd.ConvNet(
      channels=1,
      classes=found.targets.shape[1],
      image=8,
      width=WIDTH,
      depth=DEPTH,
    )
    torch_dd.load(net, jax.device_get(start.variables['params']))
    train(kind, names, net)
    with torch.no_grad():
      said = net(tests)[:, :10].argmax(1).numpy()
    theirs.append((said == digits.test_labels).mean())
  assert ours['mean'] > 0.15  # chance is a tenth
  # From the same weights: what is left is rounding.
  np.testing.assert_allclose(theirs, ours['values'], atol=0.01)
