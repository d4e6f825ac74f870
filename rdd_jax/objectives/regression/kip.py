"""Kernel inducing points: ridge regression by a kernel in closed form."""

from __future__ import annotations

from collections.abc import Callable

from jax import Array

from rdd_jax.core.batch import Batch
from rdd_jax.core.transform import Chains, State
from rdd_jax.kernels import Kernels
from rdd_jax.objectives.base import Step
from rdd_jax.objectives.regression.base import Method, kernel_regression


def kip(
  kernel: Callable[..., Kernels], *, ridge: float = 1e-6, which: str = 'ntk'
) -> Method:
  """Regresses by a kernel in closed form, without a network (inducing points).

  Labels are learned where the synthetic parameters have free ones, by
  gradient and not by a separate solve.

  Args:
    kernel: see `rdd_jax.kernels`; `blockwise` bounds its memory.
    ridge: relative to the trace.
    which: 'ntk' or 'nngp'.

  Deviations:
    float32, with a ridge that is raised where it is too small, in place of
    float64. Real rows are drawn anew for each step.

  Source: Nguyen, Chen and Lee, Dataset Meta-Learning from Kernel
    Ridge-Regression, ICLR 2021, algorithm 1; Nguyen, Novak, Xiao and Lee,
    Dataset Distillation with Infinitely Wide Convolutional Networks, NeurIPS
    2021.

  >>> from rdd_jax.kernels import fully_connected
  >>> kip(fully_connected(1), which='nngp').init(None)  # no network to draw
  ()
  """

  def chosen(x1: Array, x2: Array | None = None) -> Array:
    return getattr(kernel(x1, x2), which)

  def advance(synthetic: Batch, step: Step) -> tuple[State, Chains]:
    del synthetic
    return step.state, step.chains

  return Method(
    lambda key: (), lambda state: kernel_regression(chosen, ridge), advance
  )
