"""A division is sought once for the same data, key and options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import chex
import jax
from jax import Array
import jax.numpy as jnp
import numpy as np
import pytest

from rdd_jax.core.measure import empirical
from rdd_jax.core.transform import DataSpec, DataView
from rdd_jax.experiment.kept import Kept
from rdd_jax.robust.label_noise.record import Division, once

LABELS = jnp.array([0, 1, 1, 0])
IMAGES = jnp.arange(4, dtype=jnp.uint8)[:, None, None, None]
GROUPS = np.array([0, 0, 1, 1])
SPEC = DataSpec(4, 2, 2, 2, 2)


class Counted:
  """Divides by the groups and the key, and counts how often."""

  def __init__(self, directory: Path | None):
    self.kept = Kept(directory) if directory else None
    self.count = 0

  def divide(
    self, groups: Array | None, key: Array, data: DataView
  ) -> Division:
    self.count += 1
    trusted = data.labels == 0
    first = jax.random.randint(key, (4,), 0, 2)
    if groups is not None:
      first = groups
    return Division(
      trusted, ~trusted, first, jax.random.uniform(key, (4,)), jnp.ones(2)
    )

  def __call__(
    self,
    *,
    seed: int = 0,
    labels: Any = LABELS,
    images: Any = IMAGES,
    groups: Any = GROUPS,
    share: float = 0.5,
    by_group: bool = False,
  ) -> Any:
    transform = once(
      self.divide, 'a division', {'share': share}, by_group=by_group
    )
    view = DataView(images, labels)
    if self.kept:
      view = view._replace(keep=self.kept.tree)
    measure = empirical(labels, 2, groups)
    key = jax.random.key(seed)
    return transform.prepare(measure, transform.init(SPEC), key=key, data=view)


@pytest.mark.parametrize('by_group', [False, True])
def test_a_division_that_is_read_equals_one_that_is_made(
  tmp_path: Path, by_group: bool
):
  made, asked = Counted(None), Counted(tmp_path)
  asked(by_group=by_group)
  chex.assert_trees_all_equal(asked(by_group=by_group), made(by_group=by_group))
  assert asked.count == 1


@pytest.mark.parametrize(
  'change',
  [
    {'seed': 1},
    {'labels': 1 - LABELS},
    {'images': IMAGES + 1},
    {'share': 0.25},
    {'groups': 1 - GROUPS, 'by_group': True},
  ],
  ids=lambda change: next(iter(change)),
)
def test_another_question_is_asked_anew(tmp_path: Path, change: dict[str, Any]):
  made, asked = Counted(None), Counted(tmp_path)
  asked(by_group='by_group' in change)
  chex.assert_trees_all_equal(asked(**change), made(**change))
  assert asked.count == 2


def test_groups_that_are_not_looked_at_do_not_matter(tmp_path: Path):
  asked = Counted(tmp_path)
  asked()
  asked(groups=1 - GROUPS)
  assert asked.count == 1


def test_a_damaged_file_is_made_again(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  asked = Counted(tmp_path)
  first = asked()
  (file,) = tmp_path.iterdir()
  file.write_bytes(file.read_bytes()[:-9])
  chex.assert_trees_all_equal(asked(), first)
  assert asked.count == 2
  assert 'a division is made again' in capsys.readouterr().out
