"""Laws of rows that lie among rows of other classes."""

from __future__ import annotations

import numpy as np
import pytest

from rdd_jax.core.errors import UserError
from rdd_jax.robust.groups.discover import FinderInputs
from rdd_jax.robust.groups.neighbors import consistency, neighbors

CLASSES, N = 3, 600


def planted(share: float = 0.02) -> tuple[FinderInputs, np.ndarray]:
  """Classes of images, and rows that look like those of the next class."""
  rng = np.random.default_rng(0)
  labels = np.arange(N) % CLASSES
  centers = rng.uniform(60, 190, (CLASSES, 4, 4, 1))
  rare = rng.permutation(N) < share * N
  looks = np.where(rare, (labels + 1) % CLASSES, labels)
  images = centers[looks] + rng.normal(0, 6, (N, 4, 4, 1))
  images = images.clip(0, 255).astype(np.uint8)
  nothing = np.zeros((N, 1))
  return FinderInputs(images, labels, nothing, nothing), rare


def found(look: FinderInputs, **options) -> np.ndarray:
  rng = np.random.default_rng(1)
  return neighbors(**options)(look, CLASSES, rng).groups


def test_what_is_found_is_what_was_planted_and_as_much_as_was_asked_for():
  look, rare = planted()
  groups = found(look, share=0.005)
  assert [(groups[look.labels == c] == 1).sum() for c in range(CLASSES)] == [
    1
  ] * 3
  assert rare[groups == 1].all()
  assert set(groups) == {0, 1}
  # As many as there are, all are found.
  sizes = [rare[look.labels == c].sum() for c in range(CLASSES)]
  assert min(sizes) > 0
  groups = found(look, share=min(sizes) / (N / CLASSES))
  assert rare[groups == 1].all()


def test_consistency_is_that_of_scikit_learn_without_the_row_itself():
  from sklearn.neighbors import KNeighborsClassifier

  rng = np.random.default_rng(0)
  points, labels = rng.normal(size=(80, 5)), rng.integers(0, CLASSES, 80)
  ours = consistency(points, labels, (0.1, 0.25), 80, rng)
  for column, k in enumerate((8, 20)):
    for i in range(80):
      others = np.arange(80) != i
      knn = KNeighborsClassifier(k, algorithm='brute')
      knn.fit(points[others], labels[others])
      chance = knn.predict_proba(points[i : i + 1])[0]
      expected = dict(zip(knn.classes_, chance, strict=True)).get(labels[i], 0)
      assert ours[i, column] == pytest.approx(expected)


def test_the_order_of_rows_and_the_contrast_of_images_do_not_matter():
  look, _ = planted(0.05)
  groups = found(look, share=0.03)
  order = np.random.default_rng(2).permutation(N)
  moved = FinderInputs(*(x[order] for x in look))
  # Equal consistency is settled by order: only what is below it is compared.
  again = found(moved, share=0.03)
  values = look.images[order].reshape(N, -1) / 255.0
  level = consistency(
    values, moved.labels, (0.02, 0.06), N, np.random.default_rng(0)
  ).mean(1)
  for c in range(CLASSES):
    own = moved.labels == c
    edge = level[own & (again == 1)].max()
    below = own & (level < edge)
    np.testing.assert_array_equal(again[below], groups[order][below])
  darker = look._replace(images=look.images // 2 * 2)
  pale = look._replace(images=(look.images // 2).astype(np.uint8))
  np.testing.assert_array_equal(
    found(pale, share=0.03), found(darker, share=0.03)
  )


def test_a_class_of_few_rows_is_left_whole():
  look, _ = planted()
  labels = np.zeros(N, int)
  labels[:3] = 1
  groups = found(look._replace(labels=labels), share=0.01)
  assert (groups[:3] == -1).all()
  assert (groups[3:] >= 0).all()


@pytest.mark.parametrize('draws', [0.1, 0.5])
def test_what_is_found_gets_its_share_of_draws_and_classes_keep_their_mass(
  draws,
):
  look, _ = planted()
  out = neighbors(share=0.02, draws=draws)(
    look, CLASSES, np.random.default_rng(1)
  )
  for c in range(CLASSES):
    own = look.labels == c
    drawn = out.factors[own].sum()
    assert drawn == pytest.approx(own.sum())
    part = out.factors[own & (out.groups == 1)].sum()
    assert part / drawn == pytest.approx(draws)


@pytest.mark.parametrize('name', ['share', 'draws'])
@pytest.mark.parametrize('value', [0.0, 1.0])
def test_shares_without_two_groups_are_refused(name, value):
  with pytest.raises(UserError, match=name):
    neighbors(**{name: value})
