"""Reading data sets that come with subgroups."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
from PIL import Image
import pytest

from rdd_jax import data
from rdd_jax.core.errors import UserError

# y, split, place; the names say the brightness.
BIRDS = [(i % 2, i % 3, (i // 2) % 2) for i in range(24)]


def picture(path: Path, brightness: int, side: int = 6) -> None:
  path.parent.mkdir(parents=True, exist_ok=True)
  Image.new('RGB', (side, side), (brightness,) * 3).save(path)


@pytest.fixture
def waterbirds(tmp_path: Path) -> Path:
  lines = ['img_id,img_filename,y,split,place,place_filename']
  for i, (y, split, place) in enumerate(BIRDS):
    picture(tmp_path / 'a' / f'{i}.png', 10 * i, 5 + i % 2)
    lines.append(f'{i},a/{i}.png,{y},{split},{place},/b/c.jpg')
  (tmp_path / 'metadata.csv').write_text('\n'.join(lines))
  return tmp_path


def test_waterbirds(waterbirds: Path):
  found = data.load(f'waterbirds:{waterbirds}', size=4)
  rows = [i for i, (_, split, _) in enumerate(BIRDS) if split == 0]
  assert found.train_images[:, 0, 0, 0].tolist() == [10 * i for i in rows]
  assert found.train_labels.tolist() == [BIRDS[i][0] for i in rows]
  assert found.train_groups is not None
  assert found.train_groups.tolist() == [BIRDS[i][2] for i in rows]
  assert found.class_names == ('landbird', 'waterbird')
  assert len(found.test_labels) == 8
  held_out = data.load_split(f'waterbirds:{waterbirds}', 'val', size=4)
  assert len(held_out.labels) == 8


def test_a_table_as_pandas_writes_it(waterbirds: Path):
  expected = data.load(f'waterbirds:{waterbirds}', size=4)
  table = waterbirds / 'metadata.csv'
  lines = table.read_text().splitlines()
  cells = [line.split(',') for line in lines[1:]]
  floats = [
    ','.join([n, file, f'{y}.0', f'{split}.0', f'{place}.0', other])
    for n, file, y, split, place, other in cells
  ]
  table.write_text('\r\n'.join([lines[0], *floats]), encoding='utf-8-sig')
  found = data.load(f'waterbirds:{waterbirds}', size=4)
  for field in ('images', 'labels', 'groups', 'names'):
    name = f'train_{field}'
    np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
  table.write_text('\n'.join([lines[0], 'a,a/0.png,red,0,0,b']))
  with pytest.raises(
    UserError, match=r"metadata\.csv: y has 'red', which is no"
  ):
    data.load(f'waterbirds:{waterbirds}', size=4)


def celeba(root: Path, kind: str) -> np.ndarray:
  """Blond and male of each of 30 images, of which ten a split."""
  rng = np.random.default_rng(0)
  both = np.concatenate(
    [np.tile(np.eye(2, dtype=int), (5, 1)), np.ones((5, 2), int)]
  )
  both = np.concatenate([both, both])[rng.permutation(30)]
  names = [f'{i:06}.png' for i in range(30)]
  for i, name in enumerate(names):
    picture(root / 'img_align_celeba' / name, 8 * i)
  pairs = list(zip(names, both * 2 - 1, strict=True))
  if kind == 'csv':
    lines = ['image_id,Bald,Blond_Hair,Male']
    lines += [f'{name},-1,{b},{m}' for name, (b, m) in pairs]
    parts = ['image_id,partition']
    parts += [f'{name},{i // 10}' for i, name in enumerate(names)]
  else:
    lines = ['30', 'Bald Blond_Hair Male']
    lines += [f'{name} -1  {b}  {m}' for name, (b, m) in pairs]
    parts = [f'{name} {i // 10}' for i, name in enumerate(names)]
  (root / f'list_attr_celeba.{kind}').write_text('\n'.join(lines))
  (root / f'list_eval_partition.{kind}').write_text('\n'.join(parts) + '\n')
  return both


@pytest.mark.parametrize('kind', ['csv', 'txt'])
def test_celeba(tmp_path: Path, kind: str):
  both = celeba(tmp_path, kind)
  found = data.load(f'celeba:{tmp_path}', channels=1)
  np.testing.assert_array_equal(found.train_labels, both[:10, 0])
  np.testing.assert_array_equal(found.train_groups, both[:10, 1])
  np.testing.assert_array_equal(found.test_labels, both[20:, 0])
  np.testing.assert_array_equal(found.test_groups, both[20:, 1])
  assert found.test_images[:, 0, 0, 0].tolist() == list(range(160, 240, 8))
  marked = data.rarefy(found, 'minority-0.5', jax.random.key(0))
  for c in (0, 1):
    own = found.train_labels == c
    for g in (0, 1):
      share = (own & (both[:10, 1] == g)).sum() / own.sum()
      inside = (found.test_labels == c) & (found.test_groups == g)
      assert (marked.test_rare[inside] == (share <= 0.5)).all()


def test_what_is_missing(waterbirds: Path, tmp_path: Path):
  name = f'waterbirds:{waterbirds}'
  with pytest.raises(UserError, match='set size='):
    data.load(name)
  (waterbirds / 'a' / '3.png').unlink()
  with pytest.raises(UserError, match=r'3\.png cannot be read'):
    data.load(name, size=4)
  (waterbirds / 'metadata.csv').write_text('img_filename,y,split\n1.png,0,0\n')
  with pytest.raises(UserError, match='lacks place'):
    data.load(name, size=4)
  (waterbirds / 'metadata.csv').unlink()
  with pytest.raises(UserError, match='as it was published'):
    data.load(name, size=4)
  with pytest.raises(UserError, match='is not a directory'):
    data.load(f'celeba:{tmp_path / "none"}')
  with pytest.raises(UserError, match=r'no list_attr_celeba\.txt'):
    data.load(f'celeba:{tmp_path}')
  with pytest.raises(UserError, match='split of celeba'):
    data.load_split(f'celeba:{tmp_path}', 'trian')
