"""TAD (a reconstruction) on CIFAR-100 with wrong labels.

Paper: Wu et al., https://arxiv.org/abs/2502.05027; see
rdd_jax/robust/label_noise/tad.py for what is known

Measured: labels alone, three draws of the noise (two of instance), wrong in
what is handed on (right rows that are trusted), per cent: symmetric-0.4 6.8
(80.4), asymmetric-0.4 10.5 (74.3), instance-0.4 8.0 (81.7); `cleanlab` 16.1
(67.6), 30.9 (50.5), 16.7 (65.2). Recorded at commit a9c762e.

Distilled by DM, ipc=10, width 32, 100 steps, 3 distillations x 2 networks, last
step, one draw of the noise, accuracy (no defense, oracle): symmetric-0.4 18.6 ±
0.3 (11.4 ± 0.2, 17.3 ± 0.2), asymmetric-0.4 19.0 ± 0.4 (11.2 ± 0.8, 17.4 ±
0.5); true labels 17.3 ± 0.5. Recorded at commit a26cb44.

python -m rdd_jax.main --config=configs/tad_cifar100.py:noise=symmetric-0.4
"""

from rdd_jax.config.presets.registry import preset

get_config = preset('tad', 'cifar100', noise='symmetric-0.4')
