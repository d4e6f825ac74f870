"""Finders of groups within classes: clear splits, and baselines.

A finder is `(look, num_classes, rng) -> GroupAssignment`, on the host.
"""

from __future__ import annotations

from collections.abc import Callable
import warnings

import jax
import jax.numpy as jnp
import numpy as np

from rdd_jax.core.errors import choose
from rdd_jax.robust import mixture
from rdd_jax.robust.groups.discover import Finder, FinderInputs, GroupAssignment

ROWS = 50  # for each component, below which components split by chance
HELD = 500  # rows by which the width of a kernel is judged

SIGHTS: dict[str, Callable[[FinderInputs], np.ndarray]] = {
  'features': lambda look: look.features,
  'pixels': lambda look: look.images.reshape(len(look.images), -1) / 255.0,
  # The gradient of the loss in the last layer's weights, up to the features.
  'errors': lambda look: (
    look.chances - np.eye(look.chances.shape[1])[look.labels]
  ),
}


def clear_splits(
  k: int = 4,
  *,
  components: int = 12,
  separation: float = 4.0,
  least: float = 0.003,
  most: float = 0.25,
) -> Finder:
  """Splits each class by its independent components with two modes, if any.

  FastICA (Hyvarinen and Oja, Independent Component Analysis, 2000) of the
  features' principal components, and of each a mixture of two normal modes.
  Where these lie apart, by Ashman's `D = |m1 - m2| / sqrt((s1^2 + s2^2) / 2)`,
  and one is small, the small one is a group; from the clearest on, as long as
  most of it is in no group yet: a cue of several values makes several modes.
  The other rows of the class are group 0. A class without such a component
  stays whole, as no group. So does one that has fewer than 50 rows for each
  component: of 130 rows of a digit, some component splits by chance, and what
  is distilled is worse than without groups.

  Args:
    k: the most groups of a class, the other rows included.
    components: looked at.
    separation: the least `D`; 2 parts modes that touch, and small modes of
      classes without a cue were seen to reach 4.3.
    least: share of a class in the smaller mode.
    most: likewise; splits into halves are seldom cues.
  """

  def split(
    values: np.ndarray, rng: np.random.Generator
  ) -> tuple[float, np.ndarray]:
    d, small = _modes(_sources(values, components, rng))
    share = small.mean(0)
    d = np.where((least <= share) & (share <= most), d, 0.0)
    groups = np.zeros(len(values), int)
    for i in np.argsort(-d):
      new = small[:, i] & (groups == 0)
      if groups.max() == k - 1 or d[i] < separation:
        break
      if 2 * new.sum() > small[:, i].sum():
        groups[new] = groups.max() + 1
    return float(d.max()), groups if groups.any() else groups - 1

  def find(
    look: FinderInputs, num_classes: int, rng: np.random.Generator
  ) -> GroupAssignment:
    groups = np.full(len(look.labels), -1)
    clear = np.full(num_classes, np.nan)
    for c in range(num_classes):
      rows = np.flatnonzero(look.labels == c)
      if len(rows) >= ROWS * components:
        clear[c], groups[rows] = split(look.features[rows], rng)
    return GroupAssignment(groups, np.ones(len(groups)), clear)

  return find


def clusters(
  k: int, *, within_class: bool = True, of: str = 'features'
) -> Finder:
  """Groups rows by k-means of each class, or of all rows.

  Args:
    k: how many; classes with fewer rows are not divided.
    within_class: False is blind to labels.
    of: 'features' or 'pixels'; or 'errors', by which rows of a class cluster as
      their last-layer gradients do.

  Raises:
    UserError: for another `of`.
  """
  from sklearn.cluster import KMeans

  values = choose('what is clustered', of, SIGHTS)

  def find(
    look: FinderInputs, num_classes: int, rng: np.random.Generator
  ) -> GroupAssignment:
    seen = narrow(values(look), rng)
    groups = np.full(len(look.labels), -1)
    parts = look.labels if within_class else np.zeros_like(look.labels)
    for part in np.unique(parts):
      rows = np.flatnonzero(parts == part)
      if len(rows) >= k:
        fitted = KMeans(k, random_state=_seed(rng))
        groups[rows] = fitted.fit_predict(seen[rows])
    return _unweighted(groups, num_classes)

  return find


def misread() -> Finder:
  """Groups the rows of a class that the early network gets wrong.

  Deviations:
    The paper draws them more often by a fixed factor; here `balance` draws them
    as often as all others together.

  Source: Liu et al., Just Train Twice, ICML 2021.
  """

  def find(
    look: FinderInputs, num_classes: int, rng: np.random.Generator
  ) -> GroupAssignment:
    del rng
    wrong = look.chances.argmax(1) != look.labels
    return _unweighted(wrong.astype(int), num_classes)

  return find


def sparse(*, components: int = 16, of: str = 'features') -> Finder:
  """Draws rows by the inverse of the density of their class around them.

  The density is that of a normal kernel in principal components; its width
  maximizes the likelihood of held-out rows.

  Args:
    components: principal ones.
    of: 'features' or 'pixels'.

  Raises:
    UserError: for another `of`.

  Source: Cui et al., Mitigating Bias in Dataset Distillation, ICML 2024
    (arXiv 2406.06609).
  """
  values = choose('what is dense', of, SIGHTS)

  def find(
    look: FinderInputs, num_classes: int, rng: np.random.Generator
  ) -> GroupAssignment:
    factors = np.ones(len(look.labels))
    for c in range(num_classes):
      rows = np.flatnonzero(look.labels == c)
      if len(rows) >= 2 * components:
        seen = narrow(values(look)[rows], rng, components)
        factors[rows] = np.exp(-_log_density(seen, rng))
    groups = np.full(len(factors), -1)
    return GroupAssignment(groups, factors, np.full(num_classes, np.nan))

  return find


def _sources(
  values: np.ndarray, components: int, rng: np.random.Generator
) -> np.ndarray:
  """`f[n, components]`, of unit variance and as independent as may be."""
  from sklearn.decomposition import FastICA
  from sklearn.exceptions import ConvergenceWarning

  seen = narrow(values, rng, components)
  with warnings.catch_warnings():
    # Not converging to the last digit splits no worse.
    warnings.simplefilter('ignore', ConvergenceWarning)
    ica = FastICA(whiten='unit-variance', max_iter=300, random_state=_seed(rng))
    return np.asarray(ica.fit_transform(seen))


def _modes(sources: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Of each component, `D` and which rows, `b[n]`, are in its smaller mode."""
  one = jnp.zeros(len(sources), jnp.int32)
  fit = jax.vmap(lambda x: mixture.fit(x, one, 1), in_axes=1)
  shares, means, variances = (np.asarray(a)[:, 0] for a in fit(sources)[:3])
  d = np.abs(means[:, 0] - means[:, 1]) / np.sqrt(variances.mean(1))
  z = (sources[:, :, None] - means) ** 2 / variances
  logits = np.log(shares + 1e-30) - 0.5 * (z + np.log(variances))
  second = logits.argmax(2) == 1
  return d, np.where(second.mean(0) < 0.5, second, ~second)


def _log_density(seen: np.ndarray, rng: np.random.Generator) -> np.ndarray:
  """Of each row, by a width that makes held-out rows likeliest."""
  from sklearn.neighbors import KernelDensity

  order = rng.permutation(len(seen))
  half = seen[order[: len(seen) // 2]], seen[order[len(seen) // 2 :]]
  spread = np.sqrt(seen.var(0).sum())
  widths = spread * 2.0 ** np.arange(-5, 1)
  fitted = [KernelDensity(bandwidth=w).fit(half[0]) for w in widths]
  best = max(fitted, key=lambda kde: kde.score(half[1][:HELD]))
  whole = KernelDensity(bandwidth=best.bandwidth).fit(seen)
  # Tails so far out that a row is its only neighbor would outweigh all else.
  density = whole.score_samples(seen)
  return np.clip(density, *np.percentile(density, [1, 99]))


def narrow(
  values: np.ndarray, rng: np.random.Generator, components: int = 50
) -> np.ndarray:
  """Returns principal components, so that distances are of few numbers.

  Args:
    values: `f[n, d]`.
    rng: of the solver.
    components: how many at most.
  """
  from sklearn.decomposition import PCA

  width = min(components, *values.shape)
  return PCA(width, random_state=_seed(rng)).fit_transform(values)


def _unweighted(groups: np.ndarray, num_classes: int) -> GroupAssignment:
  return GroupAssignment(
    groups, np.ones(len(groups)), np.full(num_classes, np.nan)
  )


def _seed(rng: np.random.Generator) -> int:
  return int(rng.integers(2**31))
