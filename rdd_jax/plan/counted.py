"""Predicts a run of a teacher by counting: images, times seconds of one.

For data that are too large to try a little of everything. A step is timed, and
the decoding of an image, on images that are made for it; nothing is read.
"""

from __future__ import annotations

import io
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from rdd_jax import networks
from rdd_jax.config.build import experts
from rdd_jax.config.build import networks as build_networks
from rdd_jax.config.defaults import Config
from rdd_jax.data.mock import mock
from rdd_jax.plan.ahead import network, outputs
from rdd_jax.plan.extrapolate import twice
from rdd_jax.plan.known import Known
from rdd_jax.runtime import cost, memory
from rdd_jax.runtime.decode import fitted
from rdd_jax.training.teacher import LOOKED_AT

LARGE = 10**9  # bytes of images from which a run is counted, not tried
FEW = 8  # rows of a step that is timed on a processor
PHOTO = (375, 500, 3)  # pixels of an image of ImageNet, in the middle


def is_counted(config: Config, given: Known) -> bool:
  """Tells whether a run is predicted by counting: of a teacher of large data.

  Args:
    config: of the run.
    given: the size of its data.
  """
  alone = experts.teaches(config) and not experts.matched(config)
  return alone and given.image_bytes >= LARGE


def counted(
  config: Config, given: Known
) -> tuple[dict[str, float], int, list[str]]:
  """Predicts seconds by stage and bytes of a step.

  Args:
    config: for which `is_counted`.
    given: the size of its data.

  Returns:
    Seconds, as of `cost.STAGES`; bytes of work of a training step of the
    teacher, by XLA's plan; and what was not predicted.
  """
  batch = min(config.experts.batch_size, given.rows)
  each = _timed(config, given, batch)
  seconds: dict[str, float] = dict.fromkeys(cost.STAGES, 0.0)
  seconds['loading'] = (given.rows + given.tests) * decoding(given)
  seconds['compiling'] = each.compiling
  for stage, (trained, looked) in images(config, given).items():
    seconds[stage] = trained * each.trained + looked * each.looked
  unknown = ['augmentation, and what is written']
  for field in ('transform', 'variants'):
    if config[field]:
      unknown.append(f'config.{field}')
  if config.evaluation.networks:
    unknown.append('config.evaluation.networks')
  return seconds, each.work, unknown


def images(config: Config, given: Known) -> dict[str, tuple[int, int]]:
  """Counts the images that networks train on, and those they look at.

  Args:
    config: of the run.
    given: the size of its data.

  Returns:
    By stage, forward and backward passes, and forward passes alone, each of
    one image.

  >>> from rdd_jax.config.presets.registry import preset
  >>> from rdd_jax.plan.known import known
  >>> config = preset('rded', 'imagenet')('seeds=1')
  >>> images(config, known(config))['preparing']  # 300 rows, 5 crops
  (0, 1500000)
  """
  options, chosen = config.experts, config.synthetic
  batch = min(options.batch_size, given.rows)
  steps = options.epochs * (options.epoch_steps or given.rows // batch)
  look = min(LOOKED_AT, given.rows) + given.tests
  of_class = given.rows // given.classes
  draws = min(config.selection.draws or of_class, of_class)
  crops = given.classes * draws * config.selection.crops
  rows = given.classes * chosen.ipc * chosen.factor**2
  judged = config.evaluation.seeds * config.seeds * (len(config.baselines) + 1)
  shown = judged * config.evaluation.epochs * rows
  asked = {'teacher': shown, 'epochs': shown // config.evaluation.seeds}
  taught = asked.get(chosen.labels, 0)
  whole = config.whole
  all_rows = whole.seeds * whole.steps * whole.batch_size
  tests = (judged + whole.seeds * bool(whole.steps)) * given.tests
  return {
    'experts': (steps * batch, look),
    'preparing': (0, config.seeds * crops * (chosen.init == 'selected')),
    'distilling': (config.seeds * config.steps * rows, 0),
    'judging': (shown + all_rows, taught + tests),
  }


class _Each(NamedTuple):
  """Seconds of an image, and what a step takes.

  Attributes:
    trained: forward and backward.
    looked: forward alone.
    compiling: both.
    work: bytes of a step.
  """

  trained: float
  looked: float
  compiling: float
  work: int


def _timed(config: Config, given: Known, batch: int) -> _Each:
  net = build_networks.network(network(config, given), outputs(config, given))
  few = batch if memory.accelerated() else min(batch, FEW)
  x = jnp.zeros((few, *given.shape))
  labels = jnp.arange(few) % given.classes
  held = networks.init(net, jax.random.key(0), given.shape)

  def loss(variables: networks.Variables, x: jax.Array) -> jax.Array:
    said, _ = networks.apply_training(net, variables, x)
    return optax.softmax_cross_entropy_with_integer_labels(
      said.logits, labels
    ).mean()

  with jax.default_matmul_precision(config.precision):
    begin = time.perf_counter()
    step = jax.jit(jax.grad(loss)).lower(held, x).compile()
    look = jax.jit(lambda v, x: networks.apply(net, v, x).logits)
    look = look.lower(held, x).compile()
    compiling = time.perf_counter() - begin
  planned = step.memory_analysis()
  work = 0 if planned is None else planned.temp_size_in_bytes * batch // few
  trained = twice(lambda: jax.block_until_ready(step(held, x))).again
  looked = twice(lambda: jax.block_until_ready(look(held, x))).again
  return _Each(trained / few, looked / few, compiling, work)


def decoding(given: Known) -> float:
  """Returns the seconds of decoding an image and resizing it.

  Of a photograph as large as those of ImageNet, or of the shape of the data,
  where that is larger.

  Args:
    given: the size of the data.
  """
  from PIL import Image

  height, width, channels = given.shape
  shape = PHOTO if given.on_disk else given.shape
  pixels = mock(shape, num_classes=1, n=1).train_images[0]
  stream = io.BytesIO()
  flat = pixels[..., 0] if channels == 1 else pixels
  Image.fromarray(flat).resize((shape[1], shape[0])).save(stream, 'jpeg')
  data = stream.getvalue()

  def decode() -> None:
    for _ in range(10):
      image = Image.open(io.BytesIO(data))
      image.load()
      fitted(image, (height, width), channels)

  return twice(decode).again / 10
