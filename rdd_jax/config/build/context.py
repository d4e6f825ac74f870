"""Defines what objectives and factories of transforms may depend on."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
  import flax.linen as nn
  import numpy as np

  from rdd_jax.config.defaults import Config
  from rdd_jax.core.transform import DataSpec, Transform
  from rdd_jax.data import Dataset
  from rdd_jax.images.preprocessing import Preprocessing


class Context(NamedTuple):
  """Holds what is known when an objective and its chains are built.

  Attributes:
    spec: the sizes.
    preprocess: from uint8 images to network inputs.
    net: the network that is matched.
    input_shape: of its images, `(height, width, channels)`.
    config: all of it, for objectives.
    real_rows: of each class, that are drawn for a step.
    synthetic_rows: the most that a cell has.
    rows: of each class that the synthetic set may start from.
    truth: `i[N]`, the labels before noise; None where they are as given.
    dataset: whose classes and images real outliers must not be.
    data_dir: where real outliers are looked for; '' looks where data sets are.
    mock: replaces missing outliers by patches of photographs.
    seed: selects the real outliers that are taken.
  """

  spec: DataSpec
  preprocess: Preprocessing
  net: nn.Module
  input_shape: tuple[int, ...]
  config: Config = None
  real_rows: int = 0
  synthetic_rows: int = 0
  rows: int = 0
  truth: np.ndarray | None = None
  dataset: Dataset | None = None
  data_dir: str = ''
  mock: bool = False
  seed: int = 0


class Factory(NamedTuple):
  """How a link of a chain is made from its fields in a configuration.

  Attributes:
    make: `(context, **fields) -> Transform`.
    acts_on: 'measure', 'batch' or both. What acts on the measure stands in
      `config.transform`, for networks that train see none.
    scores: whether it asks for scores, so that a probe is trained for it.
  """

  make: Callable[..., Transform]
  acts_on: tuple[str, ...] = ('batch',)
  scores: bool = False
