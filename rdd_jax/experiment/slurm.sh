#!/usr/bin/env bash
# Runs one job on a SLURM cluster, one process per GPU.
#
#   sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 \
#     launch/slurm.sh --config=configs/dm_cifar100.py --workdir=/shared/run
#
# Needs an environment that the nodes see, with pip install -e '.[cuda]'.
# Partition, account and time limit are sbatch's options, or SBATCH_*
# variables. The work directory lies on a file system that all nodes see.
# jax reads the coordinator and the ranks from SLURM, and gives the process
# of local rank i the GPU i of its node: so ask for --gpus-per-node, which
# shows every GPU to every process, and not for --gpus-per-task. For one
# process per node that drives all its GPUs, pass --ntasks-per-node=1 and set
# JAX_LOCAL_DEVICE_IDS=0,1,2,3. Submit from the repository's root, with the
# environment active, or name its interpreter in PYTHON. A run that was
# preempted resumes when it is submitted again.
#SBATCH --job-name=rdd_jax
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --requeue
set -euo pipefail

if [[ -z ${SLURM_JOB_ID:-} ]]; then
  echo "usage: sbatch [OPTIONS] $0 FLAGS..." >&2
  exit 2
fi
srun --kill-on-bad-exit=1 \
  "${PYTHON:-python}" -m rdd_jax.main --distributed "$@"
