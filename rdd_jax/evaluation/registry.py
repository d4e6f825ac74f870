"""The registry of metrics: what each is called, and what it means.

Tables, pages and the terminal take titles and meanings from here, and columns
from `columns`. A name may have placeholders, which `PLACEHOLDERS` lists:
`class_{class}` stands for `class_0`, `class_1` and so on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Metric(NamedTuple):
  """A number that is reported.

  Attributes:
    name: the key in a JSON file, with or without placeholders.
    title: the head of its column, or of its line.
    meaning: a phrase, for a glossary.
    better: 'higher' or 'lower'; '' where neither is.
    unit: '%' where a fraction is shown in per cent, '' where it is shown as is.
  """

  name: str
  title: str
  meaning: str
  better: str = 'higher'
  unit: str = '%'


# Scores of how in-distribution a row is: a title, and by what they judge.
SCORES: Mapping[str, tuple[str, str]] = {
  'msp': ('MSP', 'the largest softmax output'),
  'max_logit': ('max logit', 'the largest logit'),
  'energy': ('energy', 'the energy of the logits'),
  'entropy': ('entropy', 'the entropy of the softmax outputs'),
  'contrast': ('contrast', 'the cross-entropy of the uniform distribution'),
  'mahalanobis': (
    'Mahalanobis',
    'the distance to the nearest class mean, by a covariance that is shrunk by '
    '0.1',
  ),
  'relative_mahalanobis': (
    'relative Mahalanobis',
    'that distance less the one to the mean of all rows',
  ),
  'knn': ('kNN', 'the distance to a near training row'),
  'statistics': (
    'channel statistics',
    'the Mahalanobis distance of the means and deviations of all channels',
  ),
  'combined': (
    'combined',
    'the energy, the Mahalanobis distance and the channel statistics together',
  ),
  'guarded': (
    'guarded energy',
    'the energy of the classes, with rows of unusual channel statistics below '
    'all others',
  ),
  'ensemble': (
    'ensemble',
    'the sum of the combined scores of all networks of a set',
  ),
  'odin': ('ODIN', 'the largest softmax output of moved inputs'),
}


def suffix(score: str) -> str:
  """Returns the end of a metric's name; the field's default score has none.

  >>> suffix('energy'), suffix('msp')
  ('_energy', '')
  """
  return '' if score == 'msp' else f'_{score}'


# By placeholder: a regular expression, or from what stands in a name to what
# stands for it in a title.
PLACEHOLDERS: Mapping[str, str | Mapping[str, str]] = {
  'attack': {'fgsm': 'FGSM', 'pgd': 'PGD'},
  'class': r'\d+',
  'decile': {'1': '1, the sparsest', '10': '10, the densest'}
  | {str(i): str(i) for i in range(2, 10)},
  'group': r'\d+',
  'kind': r'[a-z_]+',
  'level': r'[1-5]',
  'near': {'': '', 'near_': 'near '},
  'radius': r'[\d.]+',
  'score': {
    suffix(score): f', {title}' if suffix(score) else ''
    for score, (title, _) in SCORES.items()
  },
  'set': r'.+',
  'space': {'': 'pixels', 'feature_': 'features'},
  'steps': r'(?:_\d+)?',
}

# Of `trust.json`, one row for each division.
TRUST = (
  Metric('trusted', 'trusted', 'rows whose label is trusted', ''),
  Metric('recalled', 'relabeled', 'rows that count by another label', ''),
  Metric('precision', 'trust precision', 'trusted rows whose label is right'),
  Metric('recall', 'trust recall', 'rows with a right label that are trusted'),
  Metric(
    'recall_worst_class', 'trust recall, worst class', 'least of the classes'
  ),
  Metric('recall_group_{group}', 'trust recall, group {group}', 'in a group'),
  Metric(
    'relabelled', 'relabeled correctly', 'relabeled rows whose label is right'
  ),
  Metric('noise', 'label noise left', 'wrong labels in what counts', 'lower'),
  Metric('expected', 'noise left, as estimated', 'without the truth', ''),
  Metric(
    'expected_given', 'noise as given, as estimated', 'without the truth', ''
  ),
)

# Of `groups.json`, one row for each class.
GROUPS = (
  Metric('share', 'set apart', 'rows of all groups but the largest', ''),
  Metric('separation', 'separation', 'of the clearest split', '', ''),
  Metric('precision', 'rare rows, precision', 'rows set apart that are rare'),
  Metric('recall', 'rare rows, recall', 'rare rows that are set apart'),
)

# Of `results.json`, in `ranking`.
RANKING = tuple(
  Metric(name, name.upper(), meaning, better, '')
  for name, better, meaning in (
    ('hlr', 'lower', 'what the set loses to all rows, hard labels'),
    ('ior', 'higher', 'what it gains over random rows labeled likewise'),
    ('lrs', 'higher', 'both in one, from 0 to 1'),
    ('ars', 'higher', 'gains with and without augmentation, from 0 to 1'),
  )
)

# Of `results.json`, in `rows` and `networks`.
METRICS = (
  Metric(
    'accuracy',
    'accuracy',
    'test rows whose class is predicted right, by networks that were trained '
    'on the set from scratch',
  ),
  Metric('worst_class', 'worst class', 'accuracy on the worst class'),
  Metric('class_{class}', 'class {class}', 'accuracy on a class'),
  Metric('worst_group', 'worst group', 'accuracy on the worst class and group'),
  Metric('group_balanced', 'group-balanced', 'unweighted mean over the groups'),
  Metric(
    'adjusted_accuracy',
    'adjusted accuracy',
    'mean over the groups, weighted by their training rows (group DRO)',
  ),
  Metric(
    'equalized_odds',
    'equalized odds',
    'the most that the share of any prediction, given the class, differs '
    'between groups',
    'lower',
  ),
  Metric(
    'deo_max',
    'odds, worst class',
    'the most that the accuracy on a class differs between its groups',
    'lower',
  ),
  Metric(
    'deo_mean', 'odds, mean class', 'the mean of it over classes', 'lower'
  ),
  Metric('rare_group', 'rare group', 'accuracy on rows rare in training'),
  Metric('majority_group', 'majority', 'accuracy on the others'),
  Metric('corrupted', 'corrupted', 'mean accuracy on corrupted test rows'),
  Metric('corrupted_{kind}', 'corrupted, {kind}', 'of one corruption'),
  Metric('severity_{level}', 'corrupted, severity {level}', 'of one severity'),
  Metric('noise', 'noise', 'accuracy on test rows with Gaussian noise'),
  Metric('blur', 'blur', 'accuracy on blurred test rows'),
  Metric('invert', 'invert', 'accuracy on negatives of test rows'),
  Metric(
    '{space}cluster_min', 'worst cluster of {space}', 'accuracy on that cluster'
  ),
  Metric(
    '{space}cluster_mean', 'mean cluster of {space}', 'unweighted mean of those'
  ),
  Metric(
    'density_{decile}', 'density decile {decile}', 'accuracy on a tenth of rows'
  ),
  Metric(
    '{attack}_{radius}{steps}',
    '{attack} {radius}{steps}',
    'accuracy under attack within {radius} / 255',
  ),
  Metric(
    'ece',
    'ECE (15 bins)',
    'expected calibration error of the networks as trained, in 15 bins of '
    'equal width',
    'lower',
  ),
  Metric(
    'ece_calibrated',
    'ECE after scaling',
    'the same after all logits are divided by one temperature, fitted on '
    'training rows with labels as given, corrected for the noise that was '
    'estimated',
    'lower',
  ),
  Metric(
    'temperature',
    'temperature',
    'of that; below 1, networks were unsure',
    '',
    '',
  ),
  Metric(
    'statistics_limit',
    'limit of the channel statistics',
    'the distance that 2 % of training rows are beyond, for the guarded energy',
    '',
    '',
  ),
  Metric(
    'ece_oracle',
    'ECE, best temperature',
    'the same by a temperature that is cross-fitted on test rows, for each '
    'network: what is left to gain',
    'lower',
  ),
  Metric(
    'auroc_wrong',
    'AUROC of right predictions',
    'the chance that a right prediction is surer than a wrong one',
  ),
  Metric(
    '{near}auroc{score}',
    '{near}AUROC{score}',
    'the chance that a test row scores above a {near}out-of-distribution row, '
    'by {by}; 50 is a coin toss',
  ),
  Metric(
    '{near}fpr95_in{score}',
    '{near}FPR95-in{score}',
    '{near}out-of-distribution rows that are accepted where 95 per cent of '
    'test rows are, by {by}',
    'lower',
  ),
  Metric(
    '{near}aupr_in{score}',
    '{near}AUPR-in{score}',
    'average precision for test rows against {near}out-of-distribution rows, '
    'by {by}',
  ),
  Metric(
    '{near}aupr_out{score}',
    '{near}AUPR-out{score}',
    'average precision for {near}out-of-distribution rows, by {by}',
  ),
  Metric(
    '{near}fpr95_out{score}',
    '{near}FPR95-out{score}',
    'test rows that are refused where 95 per cent of {near}out-of-distribution '
    'rows are, by {by}',
    'lower',
  ),
  Metric('auroc{score}@{set}', 'AUROC{score}, {set}', 'on one set, by {by}'),
  Metric(
    'fpr95_in{score}@{set}',
    'FPR95-in{score}, {set}',
    'on one set, by {by}',
    'lower',
  ),
  Metric(
    'fpr95_out{score}@{set}',
    'FPR95-out{score}, {set}',
    'on one set, by {by}',
    'lower',
  ),
  *(
    Metric(
      f'aupr_{side}_trapezoid{{score}}@{{set}}',
      f'AUPR-{side} by trapezoids{{score}}, {{set}}',
      f"OpenOOD's {'AUPR_IN' if side == 'in' else 'AUPR_OUT'}, on one set, "
      'by {by}',
    )
    for side in ('in', 'out')
  ),
  *(
    metric._replace(name=f'trust_{metric.name}')
    for metric in TRUST
    if metric.name in ('precision', 'recall')
  ),
)
