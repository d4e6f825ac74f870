"""Seconds, bytes and operations.

The two sides take turns, and the median of the repeats counts. That does not
make a busy machine fair: PyTorch's OpenMP threads wait for each other at every
operation, and one that has lost its core can slow a step a hundredfold, while
XLA's pool suffers less. So a ratio of seconds counts on a quiet machine alone;
elsewhere pin the command to one core (`taskset -c 0`) and read CPU seconds,
which hold still.

Memory is measured in a fresh process for each side of each computation, with
its inputs and its compilation: the growth of the resident set on a CPU, the
peak of the allocator on a GPU. A program that would take most of what is free,
by its compiler's plan or by an estimate, is not run.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
from pathlib import Path
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rdd_jax.bench import kernels, ours, theirs
from rdd_jax.bench.setting import Program, Setting
from rdd_jax.runtime.memory import account, device_peak, free

NAMES = (*ours.PROGRAMS, *kernels.PROGRAMS)
SIDES = ('ours', 'theirs')
SHARE = 0.8  # Of the free memory, the most that a program may take.


class Cost(NamedTuple):
  """What a computation takes; None where that cannot be known.

  Attributes:
    seconds: the median of the repeats.
    spread: the slowest repeat over the fastest.
    cpu_seconds: of all threads, the median of the repeats.
    planned: bytes of arguments and temporaries, by the compiler's plan, or an
      estimate.
    peak: bytes measured in a process of its own.
  """

  seconds: float
  spread: float
  cpu_seconds: float
  planned: int | None
  peak: int | None


class Excess(NamedTuple):
  """The bytes that a program plans with, too many, and those that are free."""

  planned: int
  free: int


class Comparison(NamedTuple):
  """By side: what it takes, or why it was not run."""

  costs: dict[str, Cost]
  excess: dict[str, Excess]


def build(name: str, side: str, s: Setting) -> Program | None:
  """Builds one side of a computation; None where PyTorch cannot run it.

  Args:
    name: one of `NAMES`.
    side: one of `SIDES`.
    s: the sizes.
  """
  if side == 'ours':
    return {**ours.PROGRAMS, **kernels.PROGRAMS}[name](s)
  dd = theirs.reference()
  rival = theirs.PROGRAMS.get(name)
  return None if dd is None or rival is None else rival(dd, s)


def compare(name: str, s: Setting) -> Comparison:
  """Measures a computation on each side, but for one that cannot run."""
  built = {side: build(name, side, s) for side in SIDES}
  programs = {side: p for side, p in built.items() if p is not None}
  excess = {}
  for side, p in list(programs.items()):
    available = free()
    if p.planned and available and p.planned > SHARE * available:
      excess[side] = Excess(p.planned, available)
      del programs[side]
  turns = [[timed(p) for p in programs.values()] for _ in range(s.repeats + 1)]
  costs = {}
  # The first turn warms up.
  for (side, p), times in zip(
    programs.items(), zip(*turns[1:], strict=True), strict=True
  ):
    wall, cpu = zip(*times, strict=True)
    costs[side] = Cost(
      seconds=statistics.median(wall),
      spread=max(wall) / min(wall),
      cpu_seconds=statistics.median(cpu),
      planned=p.planned,
      peak=peak_in_new_process(name, side, s),
    )
  return Comparison(costs, excess)


def timed(program: Program) -> tuple[float, float]:
  """Returns seconds and CPU seconds of one run."""
  wall, cpu = time.perf_counter(), time.process_time()
  program.run()
  return time.perf_counter() - wall, time.process_time() - cpu


def peak_in_new_process(name: str, side: str, s: Setting) -> int | None:
  """Returns `peak` of a fresh interpreter, which nothing has touched."""
  sizes = [f'--{key}={value}' for key, value in dataclasses.asdict(s).items()]
  command = [sys.executable, '-m', 'rdd_jax.bench', f'--only={name}']
  output = subprocess.run(
    [*command, f'--peak={side}', *sizes],
    check=True,
    stdout=subprocess.PIPE,
    text=True,
  ).stdout
  return json.loads(output.splitlines()[-1])


def peak(name: str, side: str, s: Setting) -> int | None:
  """Measures peak bytes of building a program and running it twice."""
  dd = theirs.reference() if side == 'theirs' else None
  accelerator = jax.devices()[0]
  # Linux forgets the high-water mark of the imports.
  with contextlib.suppress(OSError):
    Path('/proc/self/clear_refs').write_text('5')
  before = account('VmRSS')
  program = build(name, side, s)
  if program is None:
    return None
  program.run()
  program.run()
  if accelerator.platform == 'cpu':
    after = account('VmHWM')
    return None if before is None or after is None else after - before
  if dd is not None:
    return dd.torch.cuda.max_memory_allocated()
  return device_peak()


def ceiling(repeats: int = 5) -> float:
  """Measures the best FLOP/s of a matrix product at default precision."""
  n = 2048 if jax.default_backend() == 'cpu' else 8192
  product = ours.compiled(jnp.matmul, *2 * [jnp.ones((n, n))])
  product.run()
  return 2 * n**3 / min(timed(product)[0] for _ in range(repeats))


def training_flops(s: Setting) -> int:
  """Counts operations of a training step: convolutions and head.

  A multiplication and an addition count as two. A layer takes three passes,
  forward, to its weights and to its inputs; the images need no gradient.
  Filtering by tiles takes fewer, so that a share of the ceiling counts useful
  work, and may exceed one.

  >>> training_flops(Setting(width=4, depth=1, image=8, classes=2, batch=1))
  28416
  """
  total = 0
  for block, side in enumerate(s.sides):
    passes, fan_in = (3, s.width) if block else (2, s.channels)
    total += passes * 2 * side**2 * 9 * fan_in * s.width
  pooled = s.sides[-1] // 2
  return s.batch * (total + 3 * 2 * pooled**2 * s.width * s.classes)


def trained_images(name: str, s: Setting) -> int | None:
  """Counts images in all steps of a training; None of what is no training.

  >>> trained_images('unroll_10', Setting(classes=2, ipc=3))
  60
  """
  match name.split('_'):
    case ['training']:
      return s.batch
    case ['experts', *_]:
      return s.experts * s.steps * s.batch
    case ['unroll', steps, *how] if how != ['tesla']:
      return int(steps) * s.classes * s.ipc
  return None


def useful_flops(name: str, s: Setting) -> int | None:
  """Counts operations that a computation needs; None where not counted.

  A training that is differentiated counts three times: once for itself, and
  twice since each of its products has two factors, which both need a gradient.
  What an adjoint computes again is not counted, nor are approximate adjoints.

  Args:
    name: one of `NAMES`.
    s: the sizes.
  """
  images = trained_images(name, s)
  times = 3 if name.startswith('unroll') else 1
  return images and times * images * training_flops(s) // s.batch
