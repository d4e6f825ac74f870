"""What a plan says before anything is read: memory, disk, images counted."""

from __future__ import annotations

from pathlib import Path

from data.readers.folder_cases import fill
import numpy as np
import psutil
import pytest

from rdd_jax import data
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.registry import preset
from rdd_jax.experiment import pipeline
from rdd_jax.images.published import DIGITS, ROWS, SHAPES
from rdd_jax.plan.__main__ import show
from rdd_jax.plan.ahead import Ahead, ahead
from rdd_jax.plan.counted import images, is_counted
from rdd_jax.plan.known import DIGITS_ROWS, Known, known
from rdd_jax.plan.predict import count
from rdd_jax.runtime import cost

IMAGENET = Known(1_281_167, 50_000, (224, 224, 3), 1000, 145 * 10**9)


def test_what_is_known_of_imagenet_and_of_the_digits():
  assert known(preset('rded', 'imagenet')('')) == IMAGENET
  assert IMAGENET.image_bytes == 1_331_167 * 224 * 224 * 3
  digits = data.load('digits')
  found = known(preset('rded', 'digits')(''))
  assert found is not None
  assert found[:4] == (
    len(digits.train_labels),
    len(digits.test_labels),
    digits.image_shape,
    digits.num_classes,
  )
  assert (*DIGITS_ROWS, *DIGITS) == found[:4]
  smoke = preset('rded', 'imagenet')('smoke')
  assert known(smoke) is None  # as many as are drawn
  assert set(ROWS) <= set(SHAPES)


@pytest.mark.parametrize('splits', [(), ('train',), ('train', 'val')])
def test_files_of_a_folder_are_counted_as_they_are_read(
  tmp_path: Path, splits: tuple[str, ...]
):
  for place in splits or ('',):
    fill(tmp_path / place)
  config = preset('rded', 'imagenet')(f'data=folder:{tmp_path}')
  config.data.size = 6
  found = known(config)
  assert found is not None
  read = data.load(config.data.name, size=6, channels=3)
  assert found[:4] == (
    len(read.train_labels),
    len(read.test_labels),
    read.image_shape,
    read.num_classes,
  )
  files = [f.stat().st_size for f in tmp_path.rglob('*') if f.is_file()]
  assert found.on_disk == sum(files)


def test_another_layout_and_nothing_are_left_to_the_reader(tmp_path: Path):
  config = preset('rded', 'imagenet')(f'data=folder:{tmp_path / "none"}')
  assert known(config) is None
  np.savez(tmp_path / 'a.npz', x=np.zeros(1))
  config.data.name = f'npz:{tmp_path / "a.npz"}'
  assert known(config) is None


def test_it_says_what_does_not_fit_and_what_to_type():
  config = preset('rded', 'imagenet')('labels=teacher')
  found = ahead(config, IMAGENET)
  assert found.images == 200_377_906_176
  assert found.labels == 1_281_167 * 4 * 4  # class, weight, cell and group
  assert found.total == psutil.virtual_memory().total
  # Ten of each class; nothing is learned.
  assert found.learned == 10_000 * 224 * 224 * 3 * 4
  few = found._replace(free=2**34)
  words = few.text(streamed=False)
  assert '186.6 GiB for 1,331,167 images' in words
  assert '16.0 GiB are free' in words
  assert 'do not fit: --config.data.stream=True' in words
  assert 'stream' not in few.text(streamed=True)
  less = found._replace(free=2**32).text(streamed=True)
  assert 'without these images too it does not fit: lower ipc' in less
  recovered = ahead(preset('sre2l', 'imagenet')(''), IMAGENET)
  assert recovered.learned == 3 * found.learned  # with both moments of Adam
  assert found._replace(free=2**40).fits
  assert 'stream' not in found._replace(free=2**40).text(streamed=False)


def test_bytes_on_disk_grow_with_what_is_stored():
  def of(arg: str) -> Ahead:
    config = preset('rded', 'imagenet')(f'seeds=1,{arg}')
    return ahead(config, IMAGENET)

  one, two = of('ipc=1').disk, of('ipc=2').disk
  # The set and random rows, with targets and two numbers of each row.
  each = 1000 * 4 * (224 * 224 * 3 + 1000 + 2)
  assert one['2 sets'] == 2 * each
  assert two['2 sets'] == 4 * each
  taught = of('ipc=1,labels=teacher').disk
  # Its batch norms remember 9,600 numbers.
  weights = 4 * (11_689_512 + 9_600)
  assert taught['2 sets'] == 2 * (each + weights)
  assert taught['teachers of seeds'] == taught['the teacher'] == weights


def changed(method: str, arg: str, **changes: object) -> Config:
  config = preset(method, 'digits')(arg)
  config.unlock()
  config.update_from_flattened_dict(
    {
      'evaluation.epochs': 1,
      'evaluation.seeds': 1,
      'whole.steps': 2,
      'shift.corruptions': (),
      **changes,
    }
  )
  return config


@pytest.mark.slow
@pytest.mark.parametrize(
  'config',
  [
    changed('rded', 'ipc=2,seeds=2,width=64,labels=teacher,teacher_epochs=1'),
    changed(
      'sre2l',
      'ipc=5,seeds=1,width=64,labels=soft,teacher_epochs=1',
      steps=4,
      checkpoint_every=2,
    ),
    changed(
      'rded',
      'ipc=10,seeds=1,width=32,labels=epochs,teacher_epochs=1',
      **{'evaluation.epochs': 300, 'baselines': ('random',)},
    ),
    changed('dm', 'ipc=5,seeds=1,width=32', steps=4, checkpoint_every=2),
  ],
  ids=['rded', 'sre2l', 'epochs', 'dm'],
)
def test_a_run_writes_what_was_said(tmp_path: Path, config: Config):
  """Within a fifth."""
  given = known(config)
  assert given is not None
  said = sum(ahead(config, given).disk.values())
  pipeline.execute(config, tmp_path / 'run')
  written = sum(f.stat().st_size for f in tmp_path.rglob('*') if f.is_file())
  assert said == pytest.approx(written, rel=0.2)


def test_images_are_counted():
  """By hand, of the settings as released."""
  config = preset('rded', 'imagenet')('labels=teacher,ipc=10,seeds=1,tiles=2')
  config.evaluation.seeds = 1
  found = images(config, IMAGENET)
  epoch = 1_281_167 // 256 * 256
  assert found['experts'] == (90 * epoch, 5000 + 50_000)
  assert found['preparing'] == (0, 1000 * 300 * 5)
  assert found['distilling'] == (0, 0)
  shown = 2 * 300 * 10_000  # the set and random rows
  assert found['judging'] == (shown, shown + 2 * 50_000)
  recovered = preset('sre2l', 'imagenet')('ipc=10,seeds=2')
  assert images(recovered, IMAGENET)['distilling'] == (2 * 4000 * 10_000, 0)


def test_only_large_data_of_a_teacher_are_counted():
  for method, dataset, expected in (
    ('rded', 'imagenet', True),
    ('sre2l', 'tiny_imagenet', True),
    ('rded', 'cifar100', False),
    ('dm', 'tiny_imagenet', False),
  ):
    config = preset(method, dataset)('')
    given = known(config)
    assert given is not None
    assert is_counted(config, given) == expected


def test_counting_reads_nothing(monkeypatch: pytest.MonkeyPatch):
  def refuse(*args: object, **options: object) -> None:
    raise AssertionError(args)

  monkeypatch.setattr(data, 'load', refuse)
  arg = 'network=convnet,width=4,labels=teacher,seeds=1'
  config = preset('rded', 'tiny_imagenet')(arg)
  config.network.depth = 1
  given = known(config)
  assert given is not None
  plan = count(config, given)
  assert list(plan.seconds) == list(cost.STAGES)
  assert plan.seconds.pop('distilling') == 0
  assert all(s > 0 for s in plan.seconds.values())
  assert (plan.memory['work'] or 0) > 0
  words = show(plan)
  assert 'counted, not tried' in words
  assert 'in all' in words
  twice = given._replace(rows=2 * given.rows)
  more = images(config, twice)['experts'][0]
  assert more == pytest.approx(
    2 * images(config, given)['experts'][0], rel=0.01
  )
