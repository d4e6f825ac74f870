"""Your own images: what configs/own.py reads, says and leaves behind."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import jax
import numpy as np
from PIL import Image
import pytest

from rdd_jax.config.build.data import load as load_config
from rdd_jax.config.presets.own import own
from rdd_jax.core.errors import UserError
from rdd_jax.data import corrupt, load
from rdd_jax.data.dataset import take
from rdd_jax.experiment import pipeline, workdir

DIGITS = load('digits')
ROWS = np.flatnonzero(DIGITS.train_labels < 4)
KNOWN = take(DIGITS, ROWS)


@pytest.fixture(scope='module')
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
  """Four digits in folders, of which 30 % are in the wrong one."""
  root = tmp_path_factory.mktemp('photos')
  noisy = corrupt(DIGITS, 'symmetric-0.3', jax.random.key(0)).train_labels[ROWS]
  given = np.where(noisy < 4, noisy, (KNOWN.train_labels + 1) % 4)
  test = DIGITS.test_labels < 4
  parts = (
    ('train', KNOWN.train_images, given),
    ('test', DIGITS.test_images[test], DIGITS.test_labels[test]),
  )
  for part, images, labels in parts:
    for i, (image, label) in enumerate(zip(images, labels, strict=True)):
      folder = root / part / 'abcd'[label]
      folder.mkdir(parents=True, exist_ok=True)
      Image.fromarray(image[..., 0]).save(folder / f'{i}.png')
  return root


def rows(directory: Path) -> list[dict[str, str]]:
  with (directory / 'relabeled.csv').open() as file:
    return list(csv.DictReader(file))


def wrong(row: dict[str, str], column: str) -> bool:
  return (
    'abcd'.index(row[column]) != KNOWN.train_labels[int(Path(row['file']).stem)]
  )


def test_labels_alone_are_cleaned_and_nothing_else_is_done(
  photos, tmp_path, capsys
):
  config = own(f'data=folder:{photos},task=clean')
  with workdir.claimed(tmp_path, config):
    assert pipeline.execute(config, tmp_path, command='again') == {}
  found = rows(tmp_path)
  files = {row['file'] for row in found}
  assert files == {
    str(p.relative_to(photos)) for p in (photos / 'train').rglob('*.png')
  }
  assert all(Path(row['file']).parts[-2] == row['given'] for row in found)
  given = np.mean([wrong(row, 'given') for row in found])
  on = [row for row in found if row['trust'] != 'left out']
  assert given >= 0.25
  assert np.mean([wrong(row, 'proposed') for row in on]) <= given / 4
  assert len(on) >= 0.65 * len(found)
  scores = np.array([float(row['score']) for row in found])
  assert (np.diff(scores) >= 0).all()
  is_wrong = np.array([wrong(row, 'given') for row in found])
  assert scores[~is_wrong].mean() >= scores[is_wrong].mean() + 0.5
  # What is measured against given labels is no precision.
  trust = json.loads((tmp_path / 'trust.json').read_text())
  assert 'precision' not in trust[-1]
  page = (tmp_path / 'report.html').read_text()
  assert photos.name in page
  assert not (tmp_path / 'distilled.npz').exists()
  said = capsys.readouterr()
  assert 'wrong labels, as estimated' in said.out + said.err
  assert f'reading file 2 of {len(list(photos.rglob("*.png")))}' in said.err
  assert f'preparing: images as they are 0/{len(ROWS)}' in said.err
  written = (tmp_path / 'relabeled.csv').stat().st_mtime_ns
  pipeline.execute(config, tmp_path)
  said = capsys.readouterr()
  assert 'nothing to do' in said.out + said.err
  assert (tmp_path / 'relabeled.csv').stat().st_mtime_ns == written


def test_without_test_images_all_are_looked_at(photos, tmp_path):
  config = own(f'data=folder:{photos / "train"},task=clean')
  assert len(load_config(config).train_labels) == len(ROWS)
  config.evaluation.seeds = 1  # now that something is judged
  held_out = load_config(config)
  assert len(held_out.train_labels) < len(ROWS)
  every = len(held_out.train_labels) + len(held_out.test_labels)
  assert every == len(ROWS)


def test_a_folder_is_distilled_and_nothing_is_injected(photos, tmp_path):
  config = own(f'data=folder:{photos},steps=2,width=4,ipc=1,seeds=1')
  assert not config.data.noise
  assert not config.data.rare
  assert config.data.mean == ()
  config.evaluation.update({'seeds': 1, 'epochs': 2})
  config.whole.steps = 2
  config.real_rows = 8
  results = pipeline.execute(config, tmp_path)
  assert {'random', 'herding', 'distilled'} <= set(results['rows'])
  card = json.loads((tmp_path / 'card.json').read_text())
  assert card['class_names'] == list('abcd')
  page = (tmp_path / 'report.html').read_text()
  assert f'<title>folder:{photos}, distilled</title>' in page
  assert card['network']['depth'] == 2  # of 8 x 8 pixels
  assert len(rows(tmp_path)) == len(ROWS)
  # Which files a coreset is made of stands on its card.
  for arm in ('random', 'herding'):
    chosen = json.loads(
      (tmp_path / 'baselines' / arm / 'card.json').read_text()
    )
    assert len(chosen['examples']) == 4
    assert all((photos / name).is_file() for name in chosen['examples'])
    given = [Path(name).parts[-2] for name in chosen['examples']]
    assert sorted(given) == list('abcd')


@pytest.mark.parametrize(
  'arg',
  ['outliers=on_the_fly', 'groups=found', 'method=dsa,defense=none', 'size=16'],
)
def test_every_part_is_an_argument(photos, arg):
  config = own(f'data=folder:{photos},{arg}')
  assert config.data.name == f'folder:{photos}'
  chains = {*config.transform, *config.training, *config.student}
  assert ('trust' in chains) == ('defense=none' not in arg)
  assert ('outliers' in chains) == ('on_the_fly' in arg)
  assert ('groups' in chains) == ('groups' in arg)


def test_without_data_or_with_nothing_to_do_it_says_what_to_type():
  with pytest.raises(UserError, match=r'own\.py:data=folder:PATH'):
    own('')
  with pytest.raises(UserError, match='defense=none'):
    own('data=digits,task=clean,defense=none')
  with pytest.raises(UserError, match='found'):
    own('data=digits,groups=voronoi')
