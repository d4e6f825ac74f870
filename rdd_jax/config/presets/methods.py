"""The table of methods, of protections in front of them, and of baselines."""

from __future__ import annotations

from typing import NamedTuple

GROUPS = (
  'rare',
  'groups',
  'risk',
  'by',
  'trained',
  'tail',
  'clusters',
  'memory',
)
OUTLIERS = ('outliers', 'loss', 'families', 'slots', 'overlap')
DECOUPLED = ('labels', 'temperature', 'top_k', 'teacher_epochs', 'dtype')
# What sets are compared with, and what it is; rdd_jax.experiment.baselines.
BASELINES = {
  'random': 'random rows',
  'herding': 'rows whose mean is that of their class (Welling 2009)',
  'k_center': 'rows that leave none far away (Sener and Savarese 2018)',
  'el2n': 'rows of the largest early error (Paul et al. 2021)',
  'forgetting': 'rows that networks forget most often (Toneva et al. 2019)',
  'ccs': 'rows of all difficulties but the hardest (Zheng et al. 2023)',
}


class Method(NamedTuple):
  """A method, or a protection in front of any.

  Attributes:
    title: its name and what it does.
    paper: authors, venue and address.
    preset: `module:function`, of `(dataset, arg)`, beside this file; what is
      imported here would import this file.
    takes: the names of its arguments, apart from `COMMON`.
    digits: it has a setting on the embedded digits.
  """

  title: str
  paper: str
  preset: str
  takes: tuple[str, ...] = ()
  digits: bool = True


METHODS = {
  'dm': Method(
    'DM: distribution matching',
    'Zhao and Bilen, WACV 2023, https://arxiv.org/abs/2110.04181',
    'gradient:dm',
  ),
  'dc': Method(
    'DC: gradient matching',
    'Zhao, Mopuri and Bilen, ICLR 2021, https://arxiv.org/abs/2006.05929',
    'gradient:dc',
  ),
  'dsa': Method(
    'DSA: gradient matching under Siamese augmentation',
    'Zhao and Bilen, ICML 2021, https://arxiv.org/abs/2102.08259',
    'gradient:dsa',
  ),
  'idc': Method(
    'IDC: multi-formation',
    'Kim et al., ICML 2022, https://arxiv.org/abs/2205.14959',
    'gradient:idc',
    ('factor',),
    digits=False,
  ),
  'mtt': Method(
    'MTT: matching training trajectories',
    'Cazenavette et al., CVPR 2022, https://arxiv.org/abs/2203.11932',
    'unrolled:mtt',
  ),
  'datm': Method(
    'DATM: difficulty-aligned trajectory matching',
    'Guo et al., ICLR 2024, https://arxiv.org/abs/2310.05773',
    'unrolled:datm',
    digits=False,
  ),
  'ratbptt': Method(
    'RaT-BPTT: random truncated back-propagation through time',
    'Feng et al., ICLR 2024, https://arxiv.org/abs/2311.07025',
    'unrolled:ratbptt',
  ),
  'kip': Method(
    'KIP: kernel inducing points',
    'Nguyen, Chen and Lee, ICLR 2021, https://arxiv.org/abs/2011.00050',
    'regression:kip',
    ('kernel', 'labels'),
  ),
  'frepo': Method(
    'FRePo: neural feature regression with pooling',
    'Zhou, Nezhadarya and Ba, NeurIPS 2022, https://arxiv.org/abs/2206.00719',
    'regression:frepo',
  ),
  'rfad': Method(
    'RFAD: random feature approximation',
    'Loo, Hasani, Amini and Rus, NeurIPS 2022, '
    'https://arxiv.org/abs/2210.12067',
    'regression:rfad',
  ),
  'rcig': Method(
    'RCIG: convexified implicit gradients',
    'Loo, Hasani, Lechner and Rus, ICML 2023, https://arxiv.org/abs/2302.06755',
    'regression:rcig',
  ),
  'rded': Method(
    'RDED: realistic crops, selected by a teacher',
    'Sun et al., CVPR 2024, https://arxiv.org/abs/2312.03526',
    'decoupled:rded',
    ('tiles', *DECOUPLED),
  ),
  'sre2l': Method(
    'SRe2L: images recovered from a teacher',
    'Yin et al., NeurIPS 2023, https://arxiv.org/abs/2306.13092',
    'decoupled:sre2l',
    DECOUPLED,
  ),
}

PROTECTIONS = {
  'tad': Method(
    'TAD (a reconstruction): distillation from wrong labels',
    'Wu et al., https://arxiv.org/abs/2502.05027; see '
    'rdd_jax/robust/label_noise/tad.py for what is known',
    'label_noise:tad',
    ('method', 'defense'),
  ),
  'trustdd': Method(
    'TrustDD: networks that know what they do not know',
    'Ma et al., https://arxiv.org/abs/2307.09165; see '
    'rdd_jax/robust/ood/poe.py',
    'ood:trustdd',
    ('method', *OUTLIERS),
  ),
  'groupdro': Method(
    'Group DRO: no subgroup left behind',
    'Vahidian et al., https://arxiv.org/abs/2402.04676; see '
    'rdd_jax/robust/groups/cvar.py',
    'groups:groupdro',
    ('method', *GROUPS),
  ),
  'all_three': Method(
    'Wrong labels, out-of-distribution inputs and rare groups at once',
    'TAD (a reconstruction), https://arxiv.org/abs/2502.05027; TrustDD, '
    'https://arxiv.org/abs/2307.09165; Group DRO, '
    'https://arxiv.org/abs/2402.04676',
    'all_three:all_three',
    ('method', 'defense', *OUTLIERS, *GROUPS, 'variants'),
  ),
}
PROTECTIONS['quickstart'] = PROTECTIONS['all_three']._replace(
  preset='all_three:quickstart',
  takes=(*PROTECTIONS['all_three'].takes, 'full'),
)
PROTECTIONS['own'] = PROTECTIONS['all_three']._replace(
  title='Your own images: doubtful labels found, a small set distilled',
  preset='own:own',
  takes=(
    *('data', 'labels', 'task', 'size'),
    *('method', 'defense', 'outliers', 'groups'),
  ),
)


def methods(dataset: str) -> dict[str, Method]:
  """Returns the methods that have a setting on a data set.

  >>> sorted(set(METHODS) - set(methods('digits')))
  ['datm', 'idc']
  """
  if dataset != 'digits':
    return METHODS
  return {name: method for name, method in METHODS.items() if method.digits}
