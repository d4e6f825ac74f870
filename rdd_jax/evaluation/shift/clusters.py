"""Groups of test rows that have no names: clusters, and deciles of density."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
from typing import Any, NamedTuple

import jax
from jax import Array
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.errors import UserError
from rdd_jax.core.streamed import HostImages
from rdd_jax.evaluation import metrics
from rdd_jax.images.preprocessing import Preprocessing

SEED = 0
RESTARTS = 10  # scikit-learn's default when the paper was written
NEIGHBOUR = 10  # whose distance is the density of a test row
REFERENCE = 10_000  # training rows that a test row is compared with, at most


class Grouping(NamedTuple):
  """An assignment of test rows to groups.

  Attributes:
    ids: `i[n]`, groups from 0.
    digest: of `ids`, to tell whether two runs judged by the same groups.
  """

  ids: np.ndarray
  digest: str


def grouping(ids: np.ndarray) -> Grouping:
  """Pairs group numbers `i[n]` with the SHA-256 of their int32 bytes.

  >>> grouping(np.array([0, 1])).digest[:8]
  '01acecb5'
  """
  ids = np.asarray(ids, np.int32)
  digest = hashlib.sha256(ids.astype('<i4').tobytes()).hexdigest()
  return Grouping(ids, digest)


def clusters(points: np.ndarray, k: int = 10) -> Grouping:
  """Clusters points by k-means, blind to labels.

  As published (Vahidian et al., arXiv 2402.04676) of the flattened normalised
  pixels of all test rows, with k = 10 and random state 0; `n_init` is pinned,
  since scikit-learn's default has changed.

  Args:
    points: `f[n, d]`.
    k: how many clusters.

  Raises:
    UserError: for fewer than two clusters, or fewer points than clusters.

  >>> clusters(np.array([[9.0], [0.0], [8.0], [1.0]]), 2).ids
  array([0, 1, 0, 1], dtype=int32)
  """
  if not 1 < k <= len(points):
    raise UserError(
      f'{k} clusters of {len(points)} rows: give a number from 2 to '
      f'{len(points)}'
    )
  found = k_means(points, k, restarts=RESTARTS, seed=SEED).labels_
  # Numbered as they appear: the hash is not to tell one numbering from another.
  _, first, ids = np.unique(found, return_index=True, return_inverse=True)
  return grouping(np.argsort(np.argsort(first))[ids])


def k_means(points: np.ndarray, k: int, *, restarts: int, seed: int) -> Any:
  """Fits scikit-learn's `KMeans` on one thread.

  Sums that threads share are rounded in an order that depends on their number,
  and with them, now and then, an assignment.

  Args:
    points: `f[n, d]`.
    k: how many clusters.
    restarts: of which the best counts.
    seed: of the initial centers.
  """
  from sklearn.cluster import KMeans
  from threadpoolctl import threadpool_limits

  # scikit-learn declares n_init a string, which is not all that it takes.
  n_init: Any = restarts
  with threadpool_limits(1):
    return KMeans(k, n_init=n_init, random_state=seed).fit(
      np.asarray(points, np.float32)
    )


def density_deciles(points: np.ndarray, reference: np.ndarray) -> Grouping:
  """Groups test points by deciles of density: 0 the sparsest, 9 the densest.

  The density falls with the Euclidean distance to the 10th nearest training
  row, or the farthest where there are fewer, among at most 10,000 of them at
  equal steps. Equal distances share a decile.

  Args:
    points: `f[n, d]`, test rows: pixels or features.
    reference: `f[m, d]`, training rows alike.

  >>> points = np.arange(10.0)[:, None]  # ever farther from the only row
  >>> density_deciles(points, np.zeros((1, 1))).ids.tolist()
  [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]
  """
  reference = reference[:: -(-len(reference) // REFERENCE)]
  theirs = jnp.asarray(reference, jnp.float32)
  k = min(NEIGHBOUR, len(reference))
  size = min(500, len(points))
  found = []
  for start in range(0, len(points), size):
    # The last batch repeats the last row, so that there is only one shape.
    rows = np.minimum(np.arange(start, start + size), len(points) - 1)
    part = jnp.asarray(points[rows], jnp.float32)
    found.append(np.asarray(_neighbour(part, theirs, k)))
  distance = np.concatenate(found)[: len(points)]
  edges = np.quantile(distance, np.arange(1, 10) / 10)
  return grouping(9 - np.searchsorted(edges, distance, side='left'))


def _neighbour(points: Array, reference: Array, k: int) -> Array:
  """Square distance to the `k`th nearest, `f[n]`."""
  lengths = jnp.square(points).sum(1)[:, None]
  products = jnp.matmul(points, reference.T, precision='highest')
  square = lengths - 2 * products + jnp.square(reference).sum(1)[None]
  return -jax.lax.top_k(-square, k)[0][:, -1]


def flat(images: HostImages, preprocess: Preprocessing) -> np.ndarray:
  """Returns flattened normalized pixels `f32[n, d]`.

  Args:
    images: `u8[n, H, W, C]`.
    preprocess: normalizes them.
  """
  parts = [
    np.asarray(preprocess(images[i : i + 1000]))
    for i in range(0, len(images), 1000)
  ]
  return np.concatenate(parts).reshape(len(images), -1)


def measure(
  logits: np.ndarray,
  labels: np.ndarray,
  clustered: Mapping[str, Grouping],
  deciles: Grouping | None = None,
) -> dict[str, float]:
  """Returns accuracies by group of one network.

  Args:
    logits: `f[n, k]`, of classes alone.
    labels: `i[n]`.
    clustered: by a prefix, such as '' and 'feature_'.
    deciles: of density.

  Returns:
    For each clustering `cluster_min`, the accuracy of the worst cluster, and
    `cluster_mean`, the unweighted mean; `density_1` to `density_10`, from the
    sparsest tenth to the densest.
  """
  out = {}
  for prefix, found in clustered.items():
    by_cluster = metrics.group_accuracy(logits, labels, found.ids)
    out[f'{prefix}cluster_min'] = metrics.worst(by_cluster)
    out[f'{prefix}cluster_mean'] = float(np.nanmean(by_cluster))
  if deciles is not None:
    by_decile = metrics.group_accuracy(logits, labels, deciles.ids)
    for i in np.flatnonzero(~np.isnan(by_decile)):
      out[f'density_{i + 1}'] = float(by_decile[i])
  return out
