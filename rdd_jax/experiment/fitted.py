"""A network that was trained on a distilled set, for scripts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import flax.linen as nn
import jax
from jax import Array
import numpy as np
from numpy.typing import ArrayLike

from rdd_jax.core.batch import Batch
from rdd_jax.core.errors import UserError
from rdd_jax.evaluation.ood import scores
from rdd_jax.evaluation.ood.detect import references
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training.predict import describe, predict
from rdd_jax.training.recipe import Recipe


@dataclass(frozen=True)
class Fitted:
  """A network that was trained on a set.

  Attributes:
    net: the network.
    variables: that it learned.
    preprocessing: from pixels to what it takes.
    class_names: by class.
    image_shape: `(H, W, C)`.
    batch: the set, as the network saw it.
    recipe: by which it was trained.
    key: of augmented views, in `scores`.
    temperature: what divides logits in `probabilities`: of the card, where its
      network was trained by its recipe; 1 elsewhere.
    statistics_limit: of the score `guarded`, likewise; None elsewhere.
  """

  net: nn.Module
  variables: Variables
  preprocessing: Preprocessing
  class_names: tuple[str, ...]
  image_shape: tuple[int, ...]
  batch: Batch
  recipe: Recipe
  key: Array
  temperature: float = 1.0
  statistics_limit: float | None = None

  def logits(self, images: ArrayLike) -> np.ndarray:
    """Computes logits `f32[n, o]`, in evaluation mode.

    Args:
      images: `u8[n, H, W, C]`, or floats on the scale of [0, 1].

    Raises:
      UserError: for images of another shape or type.
    """
    pixels = self._checked(images)
    return predict(self.net, self._stacked, pixels, self.preprocessing)[0]

  def predict(self, images: ArrayLike) -> np.ndarray:
    """Returns the likeliest class of images, as `logits` takes them: `i[n]`."""
    return self.logits(images)[:, : len(self.class_names)].argmax(1)

  def probabilities(self, images: ArrayLike) -> np.ndarray:
    """Returns calibrated probabilities of the classes, `f64[n, k]`.

    `softmax(f / T)`, of classes alone: given that an image has one. Scores of
    how in-distribution an image is are read from `logits`, which are unscaled.

    Args:
      images: as `logits` takes them.
    """
    from scipy import special

    classes = self.logits(images)[:, : len(self.class_names)]
    return special.softmax(np.float64(classes) / self.temperature, -1)

  def scores(self, images: ArrayLike) -> dict[str, np.ndarray]:
    """Computes how in-distribution images are, by score: larger is more.

    What `judge` measures is how well these tell test images from others, of
    the same network, where the card leaves `outside.views` at its default.
    There is no `statistics`, `combined` or `guarded` without convolutions, and
    no `guarded` where the card has no limit for it.

    Args:
      images: as `logits` takes them.

    Returns:
      `f64[n]` each, by names of `rdd_jax.evaluation.registry.SCORES`.
    """
    pixels = self._checked(images)
    found = describe(self.net, self._stacked, pixels, self.preprocessing)
    said = scores.Outputs(*(leaf[0] for leaf in found))
    classes, limit = len(self.class_names), self.statistics_limit
    return scores.score_all(said, classes, *self._known, limit)

  @cached_property
  def _known(self) -> tuple[scores.Reference, scores.Typical | None]:
    (known,) = references(
      self.net,
      self._stacked,
      self.batch,
      self.recipe,
      num_classes=len(self.class_names),
      preprocess=self.preprocessing,
      key=self.key,
    )
    return known

  @cached_property
  def _stacked(self) -> Variables:
    return jax.tree.map(lambda leaf: leaf[None], self.variables)

  def _checked(self, images: ArrayLike) -> np.ndarray:
    pixels = np.asarray(images)
    fits = pixels.dtype == np.uint8 or pixels.dtype.kind == 'f'
    if pixels.ndim != 4 or pixels.shape[1:] != self.image_shape or not fits:
      raise UserError(
        f'images are {pixels.dtype}{list(pixels.shape)}; give uint8, or floats '
        f'from 0 to 1, [n, {", ".join(map(str, self.image_shape))}]'
      )
    return pixels
