"""Defines what the factories of transforms may depend on."""

from __future__ import annotations

from typing import NamedTuple

import flax.linen as nn
import numpy as np

from rdd_jax.core.transform import DataSpec
from rdd_jax.images.preprocessing import Preprocessing


class Context(NamedTuple):
  """Holds what is known when chains of transforms are built.

  Attributes:
    spec: the sizes.
    preprocess: from uint8 images to network inputs.
    net: the network that is matched.
    input_shape: of its images, `(height, width, channels)`.
    rows: training images of each class that the synthetic set may start from.
    truth: `i[N]`, the labels before noise; None where they are as given.
    data_dir: where real outliers are looked for; '' looks where data sets are.
    mock: replaces missing outliers by patches of photographs.
    seed: selects the real outliers that are taken.
  """

  spec: DataSpec
  preprocess: Preprocessing
  net: nn.Module | None = None
  input_shape: tuple[int, ...] = ()
  rows: int = 0
  truth: np.ndarray | None = None
  data_dir: str = ''
  mock: bool = False
  seed: int = 0
