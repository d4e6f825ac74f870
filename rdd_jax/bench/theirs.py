"""The other side of the benchmark: plain PyTorch, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
import functools
import importlib.util
from pathlib import Path
from typing import Any

import jax
import numpy as np

from rdd_jax.bench.setting import Program, Setting

REFERENCE = Path(__file__).parents[2] / 'tests' / 'reference' / 'torch_dd.py'


@functools.cache
def reference() -> Any | None:
  """The module of the rival; None where it cannot run beside ours."""
  if not REFERENCE.exists() or importlib.util.find_spec('torch') is None:
    return None
  spec = importlib.util.spec_from_file_location('torch_dd', REFERENCE)
  assert spec is not None
  assert spec.loader is not None
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  if device() == 'cpu':
    return module
  # What jax does by default.
  module.torch.backends.cuda.matmul.allow_tf32 = True
  return module if module.torch.cuda.is_available() else None


def device() -> str:
  """The device that is of the same kind as ours."""
  return 'cpu' if jax.default_backend() == 'cpu' else 'cuda'


def eager(dd: Any, function: Callable[..., Any], *args: Any) -> Program:
  """`function(*args)` as a program."""

  def run() -> None:
    function(*args)
    if device() == 'cuda':
      dd.torch.cuda.synchronize()

  return Program(run)


def tensor(dd: Any, images: np.ndarray) -> Any:
  """The images as NCHW, on the device."""
  nchw = np.ascontiguousarray(np.moveaxis(images, -1, -3))
  return dd.torch.from_numpy(nchw).to(device())


def convnet(dd: Any, s: Setting) -> Any:
  """The network of every measurement."""
  net = dd.ConvNet(
    channels=s.channels,
    classes=s.classes,
    image=s.image,
    width=s.width,
    depth=s.depth,
  )
  return net.to(device())


def training_step(dd: Any, s: Setting) -> Program:
  """One SGD step on `s.batch` images."""
  net = convnet(dd, s)
  labels = dd.torch.arange(s.batch, device=device()) % s.classes
  images = tensor(dd, s.images(s.batch))
  return eager(dd, dd.training_step, net, dd.sgd(net), images, labels)


def gradient_step(dd: Any, s: Setting) -> Program:
  """One DC matching over all classes."""
  synthetic = tensor(dd, s.images(s.classes, s.ipc))
  real = tensor(dd, s.images(s.classes, s.real))
  step = dd.gradient_matching_step
  return eager(dd, step, convnet(dd, s), synthetic, real)


def distribution_step(dd: Any, s: Setting) -> Program:
  """One DM matching over all classes."""
  synthetic = tensor(dd, s.images(s.classes, s.ipc))
  real = tensor(dd, s.images(s.classes, s.real))
  step = dd.distribution_matching_step
  return eager(dd, step, convnet(dd, s), synthetic, real)


def evaluation(dd: Any, s: Setting) -> Program:
  """Networks trained from scratch on the synthetic set, one after another."""
  images = tensor(dd, s.images(s.classes, s.ipc)).flatten(0, 1)
  labels = dd.torch.arange(s.classes, device=device())
  labels = labels.repeat_interleave(s.ipc)
  train = functools.partial(dd.train_seeds, seeds=s.seeds, steps=s.steps)
  return eager(dd, train, lambda: convnet(dd, s), images, labels)


PROGRAMS: dict[str, Callable[[Any, Setting], Program]] = {
  'training': training_step,
  'gradient': gradient_step,
  'distribution': distribution_step,
  'evaluation': evaluation,
}
