"""Evaluates a distilled set: `python -m rdd_jax.evaluate PATH`.

Trains networks from scratch by the recipe on the set's card, and prints their
metrics on the test rows of the data set that it was distilled from. Sets that
others made have no card: `--dataset` or `--like` says what judges them.
"""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

from absl import flags
from ml_collections import config_flags

from rdd_jax.config import code
from rdd_jax.config.presets.methods import BASELINES
from rdd_jax.config.typed import completed
from rdd_jax.core.errors import UserError
from rdd_jax.records import flag as records
from rdd_jax.runtime import cli, programs
from rdd_jax.runtime.files import require_place, write_out

if TYPE_CHECKING:
  from rdd_jax import data
  from rdd_jax.artifact import store
  from rdd_jax.evaluation.metrics import Row
  from rdd_jax.experiment import third_party

flags.adopt_module_key_flags(code)
flags.adopt_module_key_flags(programs)
flags.adopt_module_key_flags(records)
_NETWORKS = flags.DEFINE_list(
  'networks',
  [],
  'Names, for a cross-architecture table, with options as in '
  'convnet:norm=batch:depth=2; by default its own. Also ntk, nngp and '
  'conjugate, ridge regression by the kernel on the card.',
)
_SEEDS = flags.DEFINE_integer('seeds', 5, 'Networks trained of each kind.')
_SEED = flags.DEFINE_integer('seed', 0, 'The root of their randomness.')
_EPOCHS = flags.DEFINE_integer('epochs', None, 'Instead of those on the card.')
_DATA_DIR = flags.DEFINE_string('data_dir', None, 'The TFDS directory.')
_BY_CLASS = flags.DEFINE_bool('by_class', False, 'Print each class too.')
_OUT = flags.DEFINE_string('out', None, 'Where to write the table, as JSON.')
_REPORT = flags.DEFINE_string(
  'report', None, 'A directory for report.html, results.json and the set.'
)
_BASELINES = flags.DEFINE_list(
  'baselines',
  [],
  f'Judged beside it, at equal storage: {", ".join(BASELINES)}.',
)
_RANKING = flags.DEFINE_bool(
  'ranking', False, "DD-Ranking's scores, with the trainings that they take."
)
_SPREAD = flags.DEFINE_bool(
  'spread',
  False,
  'Print coverage, diversity and near-duplicates of the set and --baselines, '
  'in features of its teacher, or of a network trained on all rows.',
)
_OPENOOD = flags.DEFINE_bool(
  'openood', False, "Print OpenOOD's five columns for each OOD set too."
)
_WHOLE_STEPS = flags.DEFINE_integer(
  'whole_steps', 2000, 'SGD steps on all rows, for --ranking and --spread.'
)
_DATASET = flags.DEFINE_string(
  'dataset', '', "Whose test rows judge others' sets; see rdd_jax.data.load."
)
_LIKE = config_flags.DEFINE_config_file(
  'like', None, "A config whose data, network and recipe judge others' sets."
)
completed('like')
_SIZE = flags.DEFINE_integer('size', 0, 'Resizes the images of --dataset.')
_CHANNELS = flags.DEFINE_integer('channels', 0, 'Converts them, to 1 or 3.')
_ZCA = flags.DEFINE_float(
  'zca', 0.0, 'Networks take images whitened so; 0.1 is the usual.'
)
_TOLD: dict[str, flags.FlagHolder[Any]] = {
  name: flags.DEFINE_string(name, '', text)
  for name, text in {
    'labels': "Files of labels beside others' images, or 'ordered'.",
    'images_key': 'The name of the images in a file of several arrays.',
    'labels_key': 'The name of the labels.',
    'layout': 'HWC or CHW, where both would fit.',
    'scale': 'pixels (unit, 0..1, or bytes, 0..255), signed (-1..1), '
    'standardized, whitened.',
    'label_kind': 'hard, probabilities, logits, or free (KIP, FRePo).',
    'classes': 'A file with what the set calls each class, one a line.',
    'zca_convention': 'kornia (the default) or frepo, of whitened images.',
    'learning_rate': 'A number, or a file with a learned one (lr_best.pt).',
  }.items()
} | {
  'factor': flags.DEFINE_integer(
    'factor', 0, 'Of multi-formation: 2 stores four rows in an image (IDC).'
  ),
  'experiment': flags.DEFINE_integer(
    'experiment', None, 'Of several in a file (DC, DSA, DM), from 0.'
  ),
}
_OTHERS = _TOLD | {
  'dataset': _DATASET,
  'like': _LIKE,
  'size': _SIZE,
  'channels': _CHANNELS,
  'zca': _ZCA,
}


def rows(
  distilled: store.Distilled,
  dataset: data.Dataset,
  names: list[str],
  *,
  seeds: int,
  seed: int = 0,
  epochs: int | None = None,
  data_dir: str = '',
  allow_code: bool = False,
) -> dict[str, Row]:
  """Returns metrics of each network trained on the set; see `judge.judge_of`.

  Args:
    distilled: the set.
    dataset: whose test rows judge.
    names: of networks, and of regressions; none means the network that the
      set was matched with.
    seeds: networks of each kind.
    seed: the root of their randomness.
    epochs: instead of those on the card.
    data_dir: where TFDS data sets are, instead of where the card says.
    allow_code: whether functions that the card names are called.
  """
  from rdd_jax.experiment.judge import judge_of
  from rdd_jax.experiment.trial import network_keys

  judge = judge_of(
    distilled,
    dataset,
    names,
    epochs=epochs,
    data_dir=data_dir,
    allow_code=allow_code,
  )
  return judge(distilled, network_keys(seed, seeds))


def read(*paths: Path, training: bool) -> third_party.Other:
  """Loads the set at a path, ours or another's, as the flags describe it.

  Args:
    *paths: of the file or directory, or of the files of another's set.
    training: whether the training rows will be needed.
  """
  from rdd_jax.artifact.load import own
  from rdd_jax.artifact.third_party import expand
  from rdd_jax.config.unasked import for_its_data
  from rdd_jax.experiment import third_party
  from rdd_jax.experiment.of_card import load

  paths = expand(paths)
  distilled = (
    own(paths[0], told=bool(_DATASET.value or _LIKE.value))
    if len(paths) == 1
    else None
  )
  if distilled is not None:
    dataset = load(
      distilled.card,
      _DATA_DIR.value or '',
      training=training,
      allow_code=code.ALLOW_CODE.value,
    )
    unread = [name for name, flag in _OTHERS.items() if flag.present]
    told = ', '.join(f'--{name}' for name in unread)
    return third_party.Other(
      distilled,
      dataset,
      (f'{paths[0]} has its card, which decides: {told} is not read',)
      if unread
      else (),
      code.ALLOW_CODE.value,
    )
  return third_party.load(
    paths,
    third_party.Told(**{name: flag.value for name, flag in _TOLD.items()}),
    name=_DATASET.value,
    like=_LIKE.value and for_its_data('like', _LIKE.value),
    data_dir=_DATA_DIR.value or '',
    size=_SIZE.value,
    channels=_CHANNELS.value,
    zca=_ZCA.value,
  )


def main(argv: list[str]) -> None:
  """Evaluates what the flags say, and prints the table."""
  if len(argv) < 2:
    raise UserError(
      'give one distilled set: python -m rdd_jax.evaluate RUNS/NAME'
    )
  if _OUT.value:
    require_place(Path(_OUT.value), 'out')
  if _REPORT.value:
    require_place(Path(_REPORT.value), 'report', directory=True)
  records.asked()
  programs.keep()
  show(*map(Path, argv[1:]))


def show(*paths: Path) -> None:
  """Evaluates the set at a path as the flags say, and prints the table.

  Args:
    *paths: as `read` takes them.
  """
  from rdd_jax.evaluation.ood import openood
  from rdd_jax.experiment import dd_ranking, spread, third_party
  from rdd_jax.experiment.judge import evaluate_baseline, judge_of
  from rdd_jax.experiment.outputs import where, write_evaluation
  from rdd_jax.experiment.recording import of_evaluation
  from rdd_jax.experiment.relabeled import labeling
  from rdd_jax.experiment.trial import network_keys
  from rdd_jax.records import origin
  from rdd_jax.report import console

  training = bool(_BASELINES.value or _RANKING.value or _SPREAD.value)
  distilled, dataset, notes, allow_code = read(*paths, training=training)
  for note in notes:
    print(note)
  if 'source' in distilled.card:  # its maker's recipe may be another
    print(
      third_party.describe(
        distilled.card['evaluation'],
        distilled.card['network'],
        _NETWORKS.value,
        _EPOCHS.value,
      )
    )
  judge = judge_of(
    distilled,
    dataset,
    _NETWORKS.value,
    epochs=_EPOCHS.value,
    data_dir=_DATA_DIR.value or '',
    allow_code=allow_code,
  )
  seeds = network_keys(_SEED.value, _SEEDS.value)
  label = labeling(distilled, judge.recipe, paths[0])
  by_arm = {
    name: evaluate_baseline(judge, name, distilled, dataset, seeds, label)
    for name in _BASELINES.value
  }
  by_arm['distilled'] = found = judge(distilled, seeds)
  for net in found if by_arm.keys() != {'distilled'} else ():
    own = {arm: row[net] for arm, row in by_arm.items()}
    console.show(own, 'terminal', heading=f'by {net}:')
  if by_arm.keys() == {'distilled'}:
    console.show(found, 'terminal')
  if _BY_CLASS.value:
    by_class = {
      name: {own: row[f'class_{c}'] for own, row in found.items()}
      for c, name in enumerate(dataset.class_names)
    }
    print(console.table(by_class, list(found)))
  if _OPENOOD.value:
    sets = [s._asdict() for s in judge.outside.sets] if judge.outside else []
    print('\n'.join(openood.tables(by_arm, judge.nets, sets)))
  if _SPREAD.value:
    given = (distilled, _BASELINES.value, dataset, seeds[0])
    print(spread.describe(spread.measure(judge, *given, _WHOLE_STEPS.value)))
  ranking = None
  if _RANKING.value:
    ranking = dd_ranking.rank(
      judge, distilled, dataset, seeds, whole_steps=_WHOLE_STEPS.value
    )
    print(dd_ranking.describe(ranking))
  if _OUT.value:
    written = {'rows': found} | ({'ranking': ranking} if ranking else {})
    write_out(Path(_OUT.value), json.dumps(written, indent=1))
  if _REPORT.value:
    numbers = next(iter(found.values()))
    marked = replace(distilled, card={**distilled.card, 'numbers': numbers})
    page = write_evaluation(
      Path(_REPORT.value), marked, judge, by_arm, ranking, dataset
    )
    print(where(page.parent))
  if records.asked():
    command = origin.command('rdd_jax.evaluate', sys.argv[1:])
    records.keep(
      of_evaluation(by_arm, distilled, command, _SEEDS.value, _SEED.value)
    )


if __name__ == '__main__':
  cli.start(main)
