"""Group DRO on CIFAR-10: no subgroup left behind.

Paper: Vahidian et al., https://arxiv.org/abs/2402.04676; see
rdd_jax/robust/groups/cvar.py

Groups that are found without being named, in equal shares of what is matched;
the paper's form is method=dsa,risk=cvar.

Measured: the paper's tests, shortened (method=dsa,ipc=3,width=16, 100
matchings; docs/results/cvar.md has the commands): accuracy 21.9 ± 2.3 by
risk=mean, and by risk=cvar -0.1 to +0.1 at tails 0.2, 0.8 and 1.0; the worst
cluster 15.9 ± 2.5, and -0.1 to +0.4; herding 24.6 ± 0.7 and 19.2 ± 0.7 (5
distillations x 2 networks, 3 at tails 0.8 and 1.0, last step). With method=idc
accuracy is 29.1 ± 0.4, and -1.0 at tail 0.2. Recorded at commit ce8c983.

python -m rdd_jax.main --config=configs/groupdro_cifar10.py:rare=line-0.1
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('groupdro', 'cifar10')
