"""Group DRO on CIFAR-10: no subgroup left behind.

Paper: Vahidian et al., https://arxiv.org/abs/2402.04676; see
rdd_jax/robust/groups/cvar.py

Groups that are found without being named, in equal shares of what is matched;
the paper's form is method=dsa,risk=cvar.

Not run: no measurement yet.

python -m rdd_jax.main --config=configs/groupdro_cifar10.py:rare=line-0.1
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('groupdro', 'cifar10')
