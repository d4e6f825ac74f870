"""Builds the PyTorch side of the benchmark, where PyTorch is installed."""

from __future__ import annotations

from collections.abc import Callable
import ctypes
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
    _keep_pages()
    return module
  # What jax does by default.
  module.torch.backends.cuda.matmul.allow_tf32 = True
  return module if module.torch.cuda.is_available() else None


def _keep_pages() -> None:
  """Lets glibc keep what is freed, where it is glibc.

  By default it maps a large activation anew at each operation, and half of a
  forward pass of plain PyTorch goes to page faults; the programs that people
  run allocate much before, after which it no longer does.
  """
  try:
    mallopt = ctypes.CDLL(None).mallopt
  except (AttributeError, OSError, TypeError):
    return
  for option, value in ((-4, 0), (-1, 2**31 - 1)):  # no maps, no trimming
    mallopt(option, value)


def device() -> str:
  """Returns PyTorch's name of the device that JAX uses: 'cpu' or 'cuda'."""
  return 'cpu' if jax.default_backend() == 'cpu' else 'cuda'


def eager(dd: Any, function: Callable[..., Any], *args: Any) -> Program:
  """Wraps `function(*args)` as a program that waits for the GPU.

  Args:
    dd: the baseline, see `reference`.
    function: runs eagerly; what it returns is dropped.
    *args: of the function.
  """

  def run() -> None:
    function(*args)
    if device() == 'cuda':
      dd.torch.cuda.synchronize()

  return Program(run)


def tensor(dd: Any, images: np.ndarray) -> Any:
  """Copies images to PyTorch's device, as NCHW.

  Args:
    dd: the baseline, see `reference`.
    images: `[..., H, W, C]`, of any dtype, which is kept.

  Returns:
    A tensor `[..., C, H, W]`.
  """
  nchw = np.ascontiguousarray(np.moveaxis(images, -1, -3))
  return dd.torch.from_numpy(nchw).to(device())


def convnet(dd: Any, s: Setting) -> Any:
  """Builds the ConvNet that all computations share.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes.
  """
  net = dd.ConvNet(
    channels=s.channels,
    classes=s.classes,
    image=s.image,
    width=s.width,
    depth=s.depth,
  )
  return net.to(device())


def training_step(dd: Any, s: Setting) -> Program:
  """Builds one SGD step on `s.batch` images.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes.
  """
  net = convnet(dd, s)
  labels = dd.torch.arange(s.batch, device=device()) % s.classes
  images = tensor(dd, s.images(s.batch))
  return eager(dd, dd.training_step, net, dd.sgd(net), images, labels)


def gradient_step(dd: Any, s: Setting) -> Program:
  """Builds one step of gradient matching (DC) over all classes.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes.
  """
  synthetic = tensor(dd, s.images(s.classes, s.ipc))
  real = tensor(dd, s.images(s.classes, s.real))
  step = dd.gradient_matching_step
  return eager(dd, step, convnet(dd, s), synthetic, real)


def distribution_step(dd: Any, s: Setting) -> Program:
  """Builds one step of distribution matching (DM) over all classes.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes.
  """
  synthetic = tensor(dd, s.images(s.classes, s.ipc))
  real = tensor(dd, s.images(s.classes, s.real))
  step = dd.distribution_matching_step
  return eager(dd, step, convnet(dd, s), synthetic, real)


def synthetic_set(dd: Any, s: Setting) -> tuple[Any, Any]:
  """Draws the synthetic set, class by class.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes.

  Returns:
    Images `f32[classes ipc, C, H, W]` and labels `i64[classes ipc]`.
  """
  labels = dd.torch.arange(s.classes, device=device())
  images = tensor(dd, s.images(s.classes, s.ipc)).flatten(0, 1)
  return images, labels.repeat_interleave(s.ipc)


def evaluation(dd: Any, s: Setting) -> Program:
  """Builds the training of `s.seeds` networks, one after another.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes; each network takes `s.steps` SGD steps on the synthetic set.
  """
  images, labels = synthetic_set(dd, s)
  train = partial(dd.train_seeds, seeds=s.seeds, steps=s.steps)
  return eager(dd, train, lambda: convnet(dd, s), images, labels)


def experts(dd: Any, s: Setting) -> Program:
  """Builds the training of `s.experts` experts, one after another.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes; each expert takes `s.steps` SGD steps on real minibatches.
  """
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
  """Builds the gradients of how far SGD moves a student, squared.

  Args:
    dd: the baseline, see `reference`.
    s: the sizes.
    steps: SGD steps of the student, on all synthetic images.

  Returns:
    A program whose planned bytes are estimated, see `graph_bytes`.
  """
  step = partial(dd.unrolled_gradient, steps=steps)
  program = eager(dd, step, convnet(dd, s), *synthetic_set(dd, s))
  return program._replace(planned=graph_bytes(s, steps))


def graph_bytes(s: Setting, steps: int) -> int:
  """Estimates the bytes that `create_graph` keeps of a student's steps.

  Measured to be 5 to 7 times the outputs of a step's convolutions.

  Args:
    s: the sizes.
    steps: SGD steps of the student.

  >>> graph_bytes(Setting(), 30) // 2**20  # MiB
  13781
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
