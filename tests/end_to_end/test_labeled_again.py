"""Images of a run that get other labels are not distilled again."""

from __future__ import annotations

import json
from pathlib import Path

from end_to_end.decoupled_cases import tiny
import pytest

from rdd_jax.artifact import store
from rdd_jax.core.errors import UserError
from rdd_jax.experiment import earlier, pipeline, program, workdir
from rdd_jax.experiment.teacher import FILE as TEACHER
from rdd_jax.experiment.trial import INITIAL

SRE2L = {
  'steps': 20,
  'optimizer.decay': 1.0,
  'baselines': ('random', 'initial'),
}
# In turn, in one directory: from each kind to the next.
REGIMES = (
  ('labels=hard', {}),
  ('labels=teacher', {}),
  ('labels=soft', {}),
  ('labels=epochs,top_k=3', {}),
  ('labels=epochs,top_k=3', {'evaluation.epochs': 3}),
  ('labels=teacher,temperature=4', {}),
)


def run(directory: Path, method: str, regime: str, **changes: object) -> None:
  config = tiny(method, regime, method, **changes)
  with workdir.claimed(directory, config):
    pipeline.execute(config, directory)


def files(directory: Path) -> dict[str, bytes]:
  """What tells how a set was labeled and judged."""
  paths = [
    *directory.rglob(store.ARRAYS),
    *directory.glob('evaluations/*.json'),
    directory / 'results.json',
    directory / 'metrics.jsonl',
  ]
  return {
    str(path.relative_to(directory)): path.read_bytes()
    for path in paths
    if path.exists() and earlier.EARLIER not in path.parts
  }


def every_file(directory: Path) -> dict[Path, bytes]:
  paths = [p for p in directory.rglob('*') if p.is_file() and p.name != '.lock']
  return {path: path.read_bytes() for path in paths}


@pytest.mark.slow
@pytest.mark.parametrize(
  ('method', 'more'),
  [('sre2l', SRE2L), ('rded', {}), ('sre2l', {'seeds': 2})],
  ids=['initial', 'selected', 'seeds'],
)
def test_sets_labeled_again_are_as_if_distilled_so(
  tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method, more
):
  more = {'steps': 20 if method == 'sre2l' else 0, **more}
  for i, (regime, changes) in enumerate(REGIMES):
    run(tmp_path / f'fresh{i}', method, regime, **more, **changes)
  run(tmp_path / 'one', method, REGIMES[0][0], **more)
  monkeypatch.setattr(
    pipeline.program, 'compile_call', lambda *_: pytest.fail('distils')
  )
  for i, (regime, changes) in (*enumerate(REGIMES), (0, REGIMES[0])):
    run(tmp_path / 'one', method, regime, **more, **changes)
    one, fresh = files(tmp_path / 'one'), files(tmp_path / f'fresh{i}')
    assert one == fresh, (regime, changes)


def test_labels_that_change_keep_what_was_distilled(
  tmp_path: Path,
  monkeypatch: pytest.MonkeyPatch,
  capsys: pytest.CaptureFixture[str],
):
  run(tmp_path, 'sre2l', 'labels=hard', **SRE2L)
  hard, before = store.load(tmp_path), every_file(tmp_path)
  for regime, changes, words in (
    ('labels=epochs,top_k=11', {}, 'a label has 10 numbers'),
    ('labels=teacher', {'shift.clusters': 501}, '500 test rows'),
  ):
    with pytest.raises(UserError, match=words):
      run(tmp_path, 'sre2l', regime, **SRE2L, **changes)
    assert every_file(tmp_path) == before
  capsys.readouterr()
  with monkeypatch.context() as patch:
    patch.setattr(program, 'compile_call', lambda *_: pytest.fail('distils'))
    run(tmp_path, 'sre2l', 'labels=teacher', **SRE2L)
  assert 'images are kept, and labeled again' in capsys.readouterr().out
  found = store.load(tmp_path)
  assert found.card['label_kind'] == 'teacher'
  assert (found.images == hard.images).all()
  for path in ('random', 'initial'):
    card = json.loads((tmp_path / 'baselines' / path / store.CARD).read_text())
    assert card['label_kind'] == 'teacher'
  before = tmp_path / earlier.EARLIER / 'labels-hard'
  assert (store.load(before).images == hard.images).all()
  assert store.load(before).card['label_kind'] == 'hard'
  longer = {**SRE2L, 'steps': 30}
  run(tmp_path, 'sre2l', 'labels=hard', **longer)
  for path in ('.', 'baselines/random', 'baselines/initial'):
    card = json.loads((tmp_path / path / store.CARD).read_text())
    assert card['label_kind'] == 'hard'
  words = r'made by another config: experts\.epochs'
  with pytest.raises(UserError, match=words):
    run(tmp_path, 'sre2l', 'labels=hard', **{**longer, 'experts.epochs': 3})


@pytest.mark.parametrize(
  ('before', 'after'),
  [
    (('labels=hard', {}), ('labels=soft', {})),
    (('labels=epochs', {}), ('labels=epochs', {'evaluation.epochs': 3})),
  ],
  ids=['kind', 'views'],
)
def test_first_sets_of_unfinished_seeds_are_labeled_again(
  tmp_path: Path, before: tuple[str, dict], after: tuple[str, dict]
):
  regime, changes = before
  config = tiny('sre2l', regime, 'sre2l', **SRE2L, **changes)
  workdir.claim(tmp_path, config)
  views = config.evaluation.to_dict()
  card = {'label_kind': regime.partition('=')[2], 'stored_labels': {}}
  card['stored_labels']['views'] = views
  first = [tmp_path / seed / INITIAL for seed in ('.', 'seeds/1')]
  for path in first:
    path.mkdir(parents=True)
    (path / store.CARD).write_text(json.dumps(card))
  regime, changes = after
  workdir.claim(tmp_path, tiny('sre2l', regime, 'sre2l', **SRE2L, **changes))
  assert not any((path / store.CARD).exists() for path in first)
  assert len([*tmp_path.rglob(store.CARD)]) == 2  # they are put aside


def test_a_temperature_that_nobody_asks_labels_nothing_again(tmp_path: Path):
  workdir.claim(tmp_path, tiny('sre2l', 'labels=hard', 'sre2l', **SRE2L))
  (tmp_path / store.CARD).write_text('{}')
  other = {**SRE2L, 'synthetic.temperature': 3.0}
  workdir.claim(tmp_path, tiny('sre2l', 'labels=hard', 'sre2l', **other))
  assert (tmp_path / store.CARD).exists()


def test_without_a_checkpoint_no_image_is_labeled_again(tmp_path: Path):
  workdir.claim(tmp_path, tiny('sre2l', 'labels=hard', 'sre2l', **SRE2L))
  (tmp_path / store.CARD).write_text('{}')
  with pytest.raises(UserError, match='holds no checkpoint'):
    workdir.claim(tmp_path, tiny('sre2l', 'labels=soft', 'sre2l', **SRE2L))
  assert (tmp_path / store.CARD).exists()


def put(directory: Path, what: str, *arms: str) -> dict[str, bytes]:
  """A set, its baselines and its teacher, that are not read here."""
  card = json.dumps({'label_kind': what}).encode()
  for place in (directory, *(directory / 'baselines' / arm for arm in arms)):
    place.mkdir(parents=True, exist_ok=True)
    (place / store.ARRAYS).write_bytes(what.encode())
    (place / store.CARD).write_bytes(card)
  (directory / TEACHER).write_bytes(what.encode())
  return sets(directory)


def sets(directory: Path) -> dict[str, bytes]:
  names = (store.ARRAYS, store.CARD)
  paths = (p for name in names for p in directory.rglob(name))
  found = {p.relative_to(directory): p.read_bytes() for p in paths}
  return {
    str(path): data
    for path, data in found.items()
    if earlier.EARLIER not in path.parts
  }


def test_a_baseline_that_is_not_asked_for_again_has_no_former_labels(
  tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
  def claim(regime: str, *arms: str) -> None:
    changes = {**SRE2L, 'baselines': arms}
    workdir.claim(tmp_path, tiny('sre2l', regime, 'sre2l', **changes))

  claim('labels=soft', 'random', 'herding')
  (tmp_path / 'checkpoints' / '1').mkdir(parents=True)
  (tmp_path / 'checkpoints' / '1' / 'manifest.json').touch()
  stored = put(tmp_path, 'one', 'random', 'herding')
  claim('labels=hard', 'random')
  assert sets(tmp_path) == {}
  place = tmp_path / earlier.EARLIER / 'labels-stored'
  assert sets(place) == stored
  assert (place / TEACHER).read_bytes() == b'one'
  assert f'finished is in {earlier.EARLIER}/labels-stored' in (
    capsys.readouterr().out
  )


def test_sets_that_are_put_aside_are_never_overwritten(tmp_path: Path):
  """Each is kept once, whatever was there, and wherever it was interrupted."""
  again: list[dict[str, bytes]] = []
  for what in ('one', 'two', 'three', 'two', 'one'):
    again.append(put(tmp_path, what, 'random'))
    put(tmp_path / 'seeds' / '1', what)
    if what == 'three':  # as after a crash: the rest goes to the same place
      half = tmp_path / earlier.EARLIER / 'labels-soft-3' / store.ARRAYS
      half.parent.mkdir(parents=True)
      (tmp_path / store.ARRAYS).replace(half)
    earlier.put_aside(tmp_path, 'labels-soft', labels=True)
    assert sets(tmp_path) == {}
    assert not earlier.put_aside(tmp_path, 'labels-soft', labels=True)
  for i, wanted in enumerate(again[:3]):
    name = f'labels-soft-{i + 1}' if i else 'labels-soft'
    assert sets(tmp_path / earlier.EARLIER / name) == wanted
    other = tmp_path / 'seeds' / '1' / earlier.EARLIER / name
    assert (other / TEACHER).read_bytes() == wanted['distilled.npz']
  names = [p.name for p in (tmp_path / earlier.EARLIER).iterdir()]
  assert len(names) == 3
