"""A trained network that labels what others train on."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import flax.linen as nn
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax import networks
from rdd_jax.core.batch import Batch
from rdd_jax.core.chunks import Picked
from rdd_jax.core.measure import Measure
from rdd_jax.core.streamed import Images
from rdd_jax.images.preprocessing import Preprocessing
from rdd_jax.networks import Variables
from rdd_jax.training.predict import predict

LOOKED_AT = 5000  # rows, at most, that a teacher's accuracy is measured on


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Teacher:
  """Holds a trained network, and how soft its answers are.

  Attributes:
    net: the network.
    variables: its parameters and batch statistics.
    temperature: what divides its logits.
    views: a typed key, of the views that it labels; None leaves them to each
      network's own.
  """

  net: nn.Module = field(metadata={'static': True})
  variables: Variables
  temperature: float = field(default=1.0, metadata={'static': True})
  views: Array | None = None

  def answers(self, inputs: Array) -> Array:
    """Returns the softmax `f[n, o]` of logits over the temperature.

    Args:
      inputs: `f[n, H, W, C]`, as the network takes them.
    """
    logits = networks.apply(self.net, self.variables, inputs).logits
    return jax.nn.softmax(jax.lax.stop_gradient(logits) / self.temperature)

  def relabel(self, rows: Batch, num_classes: int, t: Array | int = 0) -> Batch:
    """Returns rows whose targets are its answers; outliers keep their own.

    Args:
      rows: `n` of them.
      num_classes: cells from here on are outliers.
      t: the step, which stored answers depend on.
    """
    del t
    known = (rows.cells < num_classes)[:, None]
    targets = jnp.where(known, self.answers(rows.inputs), rows.targets)
    return replace(rows, targets=targets)

  @property
  def size(self) -> int:
    """Returns the bytes of its variables."""
    return sum(leaf.nbytes for leaf in jax.tree.leaves(self.variables))


def teacher_of(
  net: nn.Module,
  flat: np.ndarray,
  input_shape: tuple[int, ...],
  temperature: float = 1.0,
) -> Teacher:
  """Returns the teacher that an expert is, by its last snapshot.

  Args:
    net: of the expert.
    flat: `f[p]`, its variables, as `networks.flatten` gives them.
    input_shape: `(H, W, C)`.
    temperature: of its answers.

  >>> net = networks.build('mlp', 2, width=4, depth=1)
  >>> variables = networks.init(net, jax.random.key(0), (2, 2, 1))
  >>> found = teacher_of(net, networks.flatten(variables), (2, 2, 1))
  >>> found.answers(jnp.ones((3, 2, 2, 1))).shape
  (3, 2)
  """
  unflatten = networks.unflatten(net, input_shape)
  return Teacher(net, unflatten(jnp.asarray(flat)), temperature)


def accuracy(
  teacher: Teacher,
  images: Images,
  measure: Measure,
  preprocess: Preprocessing,
) -> tuple[float, float, int]:
  """Measures a teacher on rows that the measure trusts.

  Args:
    teacher: the network.
    images: `u8[N, H, W, C]`.
    measure: over the same rows; at most `LOOKED_AT` of those whose weight is
      not 0 are taken, evenly from the first to the last.
    preprocess: from uint8 to network inputs.

  Returns:
    The share of rows whose class it says; the share of the most frequent class
    among them, which the same answer to all of them reaches; and their number.
  """
  cells = np.asarray(measure.cells)
  rows = np.flatnonzero(np.asarray(measure.weights) > 0)
  if len(rows) > LOOKED_AT:
    rows = rows[np.arange(LOOKED_AT) * len(rows) // LOOKED_AT]
  said = predict(
    teacher.net,
    jax.tree.map(lambda leaf: leaf[None], teacher.variables),
    Picked(images, rows),
    preprocess,
  )[0].argmax(1)
  right = float((said == cells[rows]).mean())
  return right, float(np.bincount(cells[rows]).max() / len(rows)), len(rows)
