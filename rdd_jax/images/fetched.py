"""Network inputs of rows that are known by their numbers."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import jax
from jax import Array

from rdd_jax.core.streamed import Streamed
from rdd_jax.images.preprocessing import Preprocessing


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Fetched(Preprocessing):
  """Preprocesses images, or rows of a stream of them by their numbers.

  Attributes:
    images: `u8[N, H, W, C]`, whose rows are numbered.
  """

  images: Streamed = field(kw_only=True, metadata={'static': True})

  def __call__(self, images: Array) -> Array:
    """Normalizes pixels.

    Args:
      images: `u8[n, H, W, C]`, or row numbers `i[n]`.

    Returns:
      `f32[n, H, W, C]`.
    """
    return super().__call__(self.images[images] if images.ndim == 1 else images)


def fetched(images: Streamed, preprocess: Preprocessing) -> Fetched:
  """Returns a preprocessing that also takes row numbers of a stream.

  Args:
    images: the stream.
    preprocess: of its images.
  """
  known = {f.name: getattr(preprocess, f.name) for f in fields(Preprocessing)}
  return Fetched(**known, images=images)
