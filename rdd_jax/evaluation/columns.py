"""Where a metric is shown, in the order of the columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# By place: names as in `registry.METRICS`.
SHOWN: Mapping[str, Sequence[str]] = {
  'terminal': [
    'accuracy',
    'worst_class',
    'worst_group',
    'group_balanced',
    'adjusted_accuracy',
    'equalized_odds',
    'rare_group',
    'majority_group',
    'ece',
    'ece_calibrated',
    'auroc',
    'auroc_energy',
    'auroc_combined',
    'near_auroc_combined',
    'cluster_min',
    'density_1',
    'noise',
    'blur',
    'invert',
    'corrupted',
    '{attack}_{radius}{steps}',
  ],
  # The page of a run, and first on that of a comparison.
  'summary': [
    'accuracy',
    'worst_class',
    'worst_group',
    'group_balanced',
    'adjusted_accuracy',
    'equalized_odds',
    'rare_group',
    'majority_group',
    'corrupted',
    'ece',
    'ece_calibrated',
    'auroc',
    'fpr95_in',
    'fpr95_out',
    'auroc_energy',
    'near_auroc',
    'near_auroc_energy',
    'trust_precision',
    'trust_recall',
  ],
  # The table of ablations, of which the quickstart's is one.
  'ablations': [
    'accuracy',
    'corrupted',
    'worst_group',
    'adjusted_accuracy',
    'equalized_odds',
    'rare_group',
    'auroc',
    'fpr95_in',
    'fpr95_out',
    'ece',
    'ece_calibrated',
    'trust_precision',
    'trust_recall',
  ],
}
