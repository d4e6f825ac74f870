"""The other side of the benchmark: plain PyTorch, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
import importlib
import importlib.util
from typing import Any

import jax
import numpy as np

from rdd_jax.bench.setting import UNROLLS, Program, Setting


@cache
def reference() -> Any | None:
  """Returns `torch_dd`, or None where PyTorch cannot run beside jax."""
  if importlib.util.find_spec('torch') is None:
    return None
  module = importlib.import_module('rdd_jax.bench.torch_dd')
  if device() == 'cpu':
    return module
  # What jax does by default.
  module.torch.backends.cuda.matmul.allow_tf32 = True
  return module if module.torch.cuda.is_available() else None


def device() -> str:
  """Returns the name of the device that is of the same kind as jax's."""
  return 'cpu' if jax.default_backend() == 'cpu' else 'cuda'


def eager(dd: Any, function: Callable[..., Any], *args: Any) -> Program:
  """Returns `function(*args)` as a program."""

  def run() -> None:
    function(*args)
    if device() == 'cuda':
      dd.torch.cuda.synchronize()

  return Program(run)


def tensor(dd: Any, images: np.ndarray) -> Any:
  """Returns the images as NCHW, on the device."""
  nchw = np.ascontiguousarray(np.moveaxis(images, -1, -3))
  return dd.torch.from_numpy(nchw).to(device())


def convnet(dd: Any, s: Setting) -> Any:
  """Builds the network of every measurement."""
  net = dd.ConvNet(
    channels=s.channels,
    classes=s.classes,
    image=s.image,
    width=s.width,
    depth=s.depth,
  )
  return net.to(device())


def training_step(dd: Any, s: Setting) -> Program:
  """Takes one SGD step on `s.batch` images."""
  net = convnet(dd, s)
  labels = dd.torch.arange(s.batch, device=device()) % s.classes
  images = tensor(dd, s.images(s.batch))
  return eager(dd, dd.training_step, net, dd.sgd(net), images, labels)


def gradient_step(dd: Any, s: Setting) -> Program:
  """Matches gradients (DC) once over all classes."""
  synthetic = tensor(dd, s.images(s.classes, s.ipc))
  real = tensor(dd, s.images(s.classes, s.real))
  step = dd.gradient_matching_step
  return eager(dd, step, convnet(dd, s), synthetic, real)


def distribution_step(dd: Any, s: Setting) -> Program:
  """Matches distributions (DM) once over all classes."""
  synthetic = tensor(dd, s.images(s.classes, s.ipc))
  real = tensor(dd, s.images(s.classes, s.real))
  step = dd.distribution_matching_step
  return eager(dd, step, convnet(dd, s), synthetic, real)


def synthetic_set(dd: Any, s: Setting) -> tuple[Any, Any]:
  """Returns synthetic images of all classes in one row, and labels."""
  labels = dd.torch.arange(s.classes, device=device())
  images = tensor(dd, s.images(s.classes, s.ipc)).flatten(0, 1)
  return images, labels.repeat_interleave(s.ipc)


def evaluation(dd: Any, s: Setting) -> Program:
  """Trains networks on the synthetic set, one after another."""
  images, labels = synthetic_set(dd, s)
  train = partial(dd.train_seeds, seeds=s.seeds, steps=s.steps)
  return eager(dd, train, lambda: convnet(dd, s), images, labels)


def experts(dd: Any, s: Setting) -> Program:
  """Trains networks on real images, one after another."""
  data = s.data()
  pixels, labels = tensor(dd, data[0]), dd.torch.from_numpy(data[1])
  labels = labels.to(device())

  def train() -> None:
    for _ in range(s.experts):
      net = convnet(dd, s)
      optimizer = dd.torch.optim.SGD(net.parameters(), lr=0.01)
      for _ in range(s.steps):
        picked = dd.torch.randperm(len(pixels), device=device())[: s.batch]
        images = pixels[picked] / 255
        dd.training_step(net, optimizer, images, labels[picked])

  return eager(dd, train)


def unrolled_gradient(dd: Any, s: Setting, *, steps: int) -> Program:
  """Differentiates the distance that a student travels in `steps` steps."""
  step = partial(dd.unrolled_gradient, steps=steps)
  program = eager(dd, step, convnet(dd, s), *synthetic_set(dd, s))
  return program._replace(planned=graph_bytes(s, steps))


def graph_bytes(s: Setting, steps: int) -> int:
  """Estimates what `create_graph` keeps of the steps of a student.

  Measured to be 5 to 7 times what the convolutions of a step return.
  """
  pixels = s.classes * s.ipc * sum(side**2 for side in s.sides)
  return 7 * 4 * steps * pixels * s.width


PROGRAMS: dict[str, Callable[[Any, Setting], Program]] = {
  'training': training_step,
  'gradient': gradient_step,
  'distribution': distribution_step,
  'evaluation': evaluation,
  'experts': experts,
  **{f'unroll_{n}': partial(unrolled_gradient, steps=n) for n in UNROLLS},
}
