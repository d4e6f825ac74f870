"""Human labels: where they are found, and which ones are refused."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError
from rdd_jax.data.noise import cifar_n


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
  monkeypatch.delenv('RDD_JAX_DATA_DIR', raising=False)
  rng = np.random.default_rng(0)
  keys = {x.key for x in cifar_n.LABEL_SETS.values() if x.dataset == 'cifar10'}
  return {
    'clean_label': np.arange(30, dtype=np.uint8) % 10,
    **{k: rng.permutation(30).astype(np.uint8) % 10 for k in sorted(keys)},
  }


def relabel(spec: str = 'human-worse', where: object = '') -> data.Dataset:
  true = np.arange(30) % 10
  images = np.zeros((30, 1, 1, 1), np.uint8)
  found = data.from_arrays(images, true, images, true)
  return data.corrupt(found, spec, jax.random.key(0), human_labels=str(where))


@pytest.mark.parametrize(
  ('name', 'key'),
  [
    ('worse', 'worse_label'),
    ('aggregate', 'aggre_label'),
    ('random1', 'random_label1'),
    ('random2', 'random_label2'),
    ('random3', 'random_label3'),
  ],
)
def test_human_labels(
  name: str, key: str, labels: dict[str, np.ndarray], tmp_path: Path
):
  np.savez(tmp_path / 'mine.npz', **labels)
  found = relabel(f'human-{name}', tmp_path / 'mine.npz')
  np.testing.assert_array_equal(found.train_labels, labels[key])
  np.testing.assert_array_equal(found.train_true_labels, labels['clean_label'])
  assert found.train_labels.dtype == np.int32


def test_human_labels_are_found_beside_the_data(
  labels: dict[str, np.ndarray],
  tmp_path: Path,
  monkeypatch: pytest.MonkeyPatch,
):
  (tmp_path / 'tfds').mkdir()
  with pytest.raises(UserError, match=r'not set, .*set data\.human_labels'):
    relabel()
  monkeypatch.setenv('RDD_JAX_DATA_DIR', str(tmp_path / 'tfds'))
  words = f'no cifar10n.npz in {tmp_path}/tfds nor in {tmp_path}; set data.h'
  with pytest.raises(UserError, match=words):
    relabel()
  for place in (tmp_path, tmp_path / 'tfds'):
    np.savez(place / 'cifar10n.npz', **labels)
    found = relabel()
    np.testing.assert_array_equal(found.train_labels, labels['worse_label'])
    (place / 'cifar10n.npz').unlink()


def test_human_labels_that_do_not_fit(
  labels: dict[str, np.ndarray], tmp_path: Path
):
  file = tmp_path / 'mine.npz'

  def fails(match: str, **arrays: np.ndarray) -> None:
    np.savez(file, **{**labels, **arrays})
    with pytest.raises(UserError, match=match) as error:
      relabel(where=file)
    assert '\n' not in str(error.value)

  order = labels['clean_label'][::-1]
  fails('in 30 of 30 rows, so the order differs; .*tfds:c', clean_label=order)
  fails(r'shape \(9,\) for 30 images', clean_label=order[:9])
  fails('are float64; give integers', worse_label=np.zeros(30))
  fails(r'outside \[0, 10\)', worse_label=np.arange(30))
  fails('leaves class .* without', worse_label=np.zeros(30, int))
  objects = np.array([None] * 30, object)
  fails('not an npz of plain arrays', worse_label=objects)
  np.savez(file, clean_label=order)
  with pytest.raises(UserError, match=r'lacks worse_label \(it has clean_lab'):
    relabel(where=file)
  with pytest.raises(UserError, match=r'gone\.npz is not a file; check the'):
    relabel(where=tmp_path / 'gone.npz')


@pytest.mark.parametrize('name', cifar_n.LABEL_SETS)
def test_published_rates(name: str, data_dir: str):
  chosen = cifar_n.LABEL_SETS[name]
  file = Path(data_dir).parent / f'{chosen.dataset}n.npz'
  if not file.exists():
    pytest.skip(f'no {file}')
  with np.load(file) as stored:
    clean, labels = stored['clean_label'], stored[chosen.key]
  assert np.mean(clean != labels) == pytest.approx(chosen.rate, abs=5e-5)
  classes = {'cifar10': 10, 'cifar100': 100}[chosen.dataset]
  images = np.zeros((len(clean), 1, 1, 1), np.uint8)
  given = data.from_arrays(
    images, clean, images[:classes], np.arange(classes), name='cifar'
  )
  found = data.corrupt(
    given, f'human-{name}', jax.random.key(0), data_dir=data_dir
  )
  assert data.effective_rate(found) == pytest.approx(chosen.rate, abs=5e-5)
