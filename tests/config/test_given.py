"""Distillation starts from a set: right pixels, or a line that says why not."""

from __future__ import annotations

from pathlib import Path

from end_to_end.run_cases import tiny
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

from rdd_jax import networks
from rdd_jax.artifact import card, store
from rdd_jax.config.build import experiment
from rdd_jax.config.build.data import load
from rdd_jax.config.defaults import Config
from rdd_jax.config.presets.methods import METHODS
from rdd_jax.config.presets.registry import method_config
from rdd_jax.core.errors import UserError
from rdd_jax.core.measure import empirical
from rdd_jax.images.preprocessing import standardize
from rdd_jax.synthetic.view import Synthetic
from rdd_jax.training.teacher import Teacher

RNG = np.random.default_rng(0)
NAMES = [str(c) for c in range(10)]
PIXELS = RNG.uniform(-0.2, 1.2, (20, 8, 8, 1)).astype(np.float32)
CELLS = np.repeat(np.arange(10, dtype=np.int32), 2)
SOFT = softmax(RNG.normal(size=(20, 10)), 1).astype(np.float32)


def saved(path: Path, **changes: object) -> Path:
  """A set of ours of two images a class, as no other run standardizes."""
  own = {'schema': card.SCHEMA, 'factor': 1, 'class_names': NAMES}
  fields = {
    'images': PIXELS,
    'targets': np.eye(10, dtype=np.float32)[CELLS],
    'weights': np.ones(20, np.float32),
    'cells': CELLS,
    'preprocessing': standardize([0.1], [0.7]),
    **{k: v for k, v in changes.items() if k != 'card'},
    'card': {**own, **changes.get('card', {})},  # type: ignore[arg-type]
  }
  store.save(path, store.Distilled(**fields))  # type: ignore[arg-type]
  return path


def begun(init: Path | str, **changes: object) -> tuple[Synthetic, np.ndarray]:
  """Where distillation starts, and the pixels of it."""
  fields = {'synthetic__ipc': 2, 'seeds': 1, **changes}
  return begins(tiny(synthetic__init=str(init), **fields))


def begins(config: Config) -> tuple[Synthetic, np.ndarray]:
  dataset = load(config)
  preprocess = experiment.preprocessing(config, dataset)
  built = experiment.build(config, dataset, preprocess)
  measure = empirical(dataset.train_labels, built.spec.num_outputs)
  images = jnp.asarray(dataset.train_images)
  params = built.initial(jax.random.key(0), images, measure)
  pixels = params.images
  if config.synthetic.space == 'inputs':
    pixels = preprocess.inverse(pixels)
  return params, np.asarray(pixels)


def logits_of(params: Synthetic) -> np.ndarray:
  assert params.logits is not None
  return np.asarray(params.logits)


def refused(init: Path | str, **changes: object) -> str:
  with pytest.raises(UserError) as error:
    begun(init, **changes)
  assert '\n' not in str(error.value)
  return str(error.value)


@pytest.mark.parametrize(
  'changes',
  [{}, {'data__zca': 0.1}, {'data__zca': 0.1, 'data__zca_convention': 'frepo'}],
)
def test_pixels_are_those_of_the_set(tmp_path: Path, changes: dict):
  params, pixels = begun(saved(tmp_path), **changes)
  np.testing.assert_allclose(pixels, PIXELS, atol=1e-4)
  assert params.logits is None


def test_as_pixels_they_are_clipped(tmp_path: Path):
  _, pixels = begun(saved(tmp_path), synthetic__space='pixels')
  np.testing.assert_array_equal(pixels, PIXELS.clip(0, 1))


def test_learned_labels_are_those_of_the_set(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  soft = saved(tmp_path / 's', targets=SOFT, card={'label_kind': 'soft'})
  params, _ = begun(soft, synthetic__labels='soft')
  np.testing.assert_allclose(softmax(logits_of(params), 1), SOFT, atol=1e-5)
  free = saved(tmp_path / 'f', targets=2 * SOFT, card={'label_kind': 'free'})
  params, _ = begins(
    method_config('digits', 'kip', f'smoke,ipc=2,labels=free,init={free}')
  )
  np.testing.assert_allclose(logits_of(params), 2 * SOFT, atol=1e-6)
  begun(soft)
  assert 'its soft labels are left out' in capsys.readouterr().out
  said = refused(free, synthetic__labels='soft')
  assert 'give --config.synthetic.labels=hard' in said


def test_a_teachers_labels_start_learned_ones_where_they_are_stored(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  """Targets beside a stored teacher are classes: those of a hard set."""
  stored = saved(tmp_path / 's', targets=SOFT, card={'label_kind': 'stored'})
  params, _ = begun(stored, synthetic__labels='soft')
  np.testing.assert_allclose(softmax(logits_of(params), 1), SOFT, atol=1e-5)
  net = networks.build('mlp', 10, width=4, depth=1)
  teacher = Teacher(net, networks.init(net, jax.random.key(0), (8, 8, 1)))
  said = {'network': {'name': 'mlp', 'width': 4, 'depth': 1}, 'temperature': 1}
  path = saved(
    tmp_path / 't',
    teacher=teacher,
    card={'label_kind': 'teacher', 'teacher': said},
  )
  capsys.readouterr()
  params, _ = begun(path, synthetic__labels='soft')
  assert 'the teacher of its labels is left out' in capsys.readouterr().out
  hard, _ = begun(saved(tmp_path / 'h'), synthetic__labels='soft')
  np.testing.assert_array_equal(logits_of(params), logits_of(hard))


def test_classes_are_taken_by_name(tmp_path: Path):
  names = NAMES[::-1]
  path = saved(
    tmp_path, targets=SOFT, card={'class_names': names, 'label_kind': 'soft'}
  )
  params, pixels = begun(path, synthetic__labels='soft')
  wanted = PIXELS.reshape(10, 2, 8, 8, 1)[::-1].reshape(PIXELS.shape)
  np.testing.assert_allclose(pixels, wanted, atol=1e-5)
  targets = SOFT.reshape(10, 2, 10)[::-1, :, ::-1].reshape(20, 10)
  np.testing.assert_allclose(softmax(logits_of(params), 1), targets, atol=1e-5)


def test_rows_may_stand_in_any_order(tmp_path: Path):
  order = RNG.permutation(20)
  path = saved(tmp_path, images=PIXELS[order], cells=CELLS[order])
  _, pixels = begun(path)
  rows = np.argsort(CELLS[order], kind='stable')
  np.testing.assert_allclose(pixels, PIXELS[order][rows], atol=1e-5)


def test_outlier_slots_start_as_without_it(tmp_path: Path):
  slots = {
    'synthetic__slots': 2,
    'transform': {'outliers': {'factory': 'expose_outliers', 'slots': 2}},
  }
  _, pixels = begun(saved(tmp_path), **slots)
  _, plain = begun('real', **slots)
  np.testing.assert_allclose(pixels[:20], PIXELS, atol=1e-5)
  np.testing.assert_array_equal(pixels[20:], plain[20:])


def test_what_does_not_fit_says_what_to_type(tmp_path: Path):
  path = saved(tmp_path / 'a')
  assert 'give --config.synthetic.ipc=2' in refused(path, synthetic__ipc=1)
  said = refused(path, data__size=6)
  assert 'give --config.data.size=8 --config.data.channels=1' in said
  said = refused(saved(tmp_path / 'b', card={'factor': 2}))
  assert 'give --config.synthetic.factor=2' in said
  targets = np.eye(11, dtype=np.float32)[CELLS]
  other = {'class_names': [*NAMES, '10'], 'data': {'name': 'tfds:eleven'}}
  said = refused(saved(tmp_path / 'c', targets=targets, card=other))
  assert '--config.data.name=tfds:eleven' in said
  uneven = np.sort(np.r_[CELLS[1:], 9]).astype(np.int32)
  assert 'from 1 to 3' in refused(saved(tmp_path / 'd', cells=uneven))
  assert "did you mean 'noise'" in refused('nosie')
  assert 'runs/NAME-HASH' in refused(tmp_path / 'nowhere')
  assert ':scale=, :label_kind=' in refused('a.pt:scal=unit')


def test_sets_of_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
  path = tmp_path / 'theirs.npz'
  np.savez(path, images=40 * (PIXELS - 0.5), labels=CELLS)
  assert f'init={path}:scale=standardized' in refused(path)
  mean = {'data__mean': (0.5,), 'data__std': (1 / 40,)}
  _, pixels = begun(f'{path}:scale=standardized', **mean)
  np.testing.assert_allclose(pixels, PIXELS, atol=1e-4)
  assert 'taken as standardized' in capsys.readouterr().out
  said = refused(f'{path}:scale=whitened')
  assert '--config.data.zca' in said
  config = tiny(data__zca=0.1)
  whiten = experiment.preprocessing(config, load(config))
  np.savez(path, images=np.asarray(whiten(jnp.asarray(PIXELS))), labels=CELLS)
  _, pixels = begun(f'{path}:scale=whitened', data__zca=0.1)
  np.testing.assert_allclose(pixels, PIXELS, atol=1e-3)


def test_files_of_images_and_labels_and_of_experiments(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  torch = pytest.importorskip('torch')
  images = torch.from_numpy(PIXELS.clip(0, 1)).permute(0, 3, 1, 2)
  labels = torch.from_numpy(CELLS).long()
  best, theirs = tmp_path / 'images_best.pt', tmp_path / 'labels_best.pt'
  torch.save(images, best)
  torch.save(labels, theirs)
  assert f'init={best}:labels=FILE' in refused(best)
  assert f'init={best}:labels=' in refused(f'{best}:labels={tmp_path / "no"}')
  for init in (f'{best}:labels={theirs}', f'{best}:labels=ordered'):
    _, pixels = begun(init)
    np.testing.assert_allclose(pixels, PIXELS.clip(0, 1), atol=1e-5)

  several = tmp_path / 'res.pt'
  torch.save({'data': [[images / 2, labels], [images, labels]]}, several)
  begun(several)
  assert f'init={several}:experiment=' in capsys.readouterr().out
  _, pixels = begun(f'{several}:experiment=1')
  np.testing.assert_allclose(pixels, PIXELS.clip(0, 1), atol=1e-5)
  assert 'is no number' in refused(f'{several}:experiment=x')


@pytest.mark.parametrize('method', METHODS)
def test_every_method_takes_it(method: str):
  config = method_config('cifar10', method, 'init=runs/x,smoke')
  assert config.synthetic.init == 'runs/x'
