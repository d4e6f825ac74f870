#!/usr/bin/env bash
# Runs one job on a SLURM cluster, one process per GPU.
#
#   sbatch --nodes=2 --ntasks-per-node=4 --gpus-per-node=4 \
#     launch/slurm.sh --config=configs/dm_cifar100.py --workdir=/shared/run
#
#   REQUEUE=9     how often a run that its time limit stops goes back to the
#                 queue, to resume (default 0)
#   PYTHON=...    the interpreter (default python)
#
# Needs an environment that the nodes see, with pip install -e '.[cuda]'; where
# there are no GPUs, sbatch --gpus-per-node=0. Partition, account and time limit
# are sbatch's options, or SBATCH_* variables. The work directory lies on a file
# system that all nodes see. Submit from the repository's root, with the
# environment active.
#
# jax reads the coordinator and the ranks from SLURM, and gives the process of
# local rank i the GPU i of its node: so ask for --gpus-per-node, which shows
# every GPU to every process, and not for --gpus-per-task. For one process per
# node that drives all its GPUs, pass --ntasks-per-node=1 and set
# JAX_LOCAL_DEVICE_IDS=0,1,2,3.
#
# A minute before its time limit (--signal=B:USR1@60; SLURM may be a minute
# early) the run is told to save. It resumes when it is preempted, requeued, or
# submitted again; its log is continued then.
#SBATCH --job-name=rdd_jax
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=1
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --signal=B:USR1@60
set -euo pipefail

if [[ -z ${SLURM_JOB_ID:-} ]]; then
  echo "usage: sbatch [OPTIONS] $0 FLAGS..." >&2
  exit 2
fi
python=${PYTHON:-python}
echo "job $SLURM_JOB_ID, start $((${SLURM_RESTART_COUNT:-0} + 1)): $*"

# Since 22.05, srun does not take this over from sbatch.
if [[ -n ${SLURM_CPUS_PER_TASK:-} ]]; then
  export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK
fi
if [[ ${SLURM_GPUS_ON_NODE:-0} != 0 && -z ${JAX_PLATFORMS:-} ]]; then
  nodes=${SLURM_JOB_NUM_NODES:-1}
  found=$(XLA_PYTHON_CLIENT_PREALLOCATE=false \
    srun --nodes="$nodes" --ntasks="$nodes" --ntasks-per-node=1 "$python" -c \
    'import logging; logging.disable(); import jax, socket
print(jax.default_backend(), socket.gethostname())')
  if without=$(grep -m 1 '^cpu ' <<< "$found"); then
    echo "error: JAX finds no GPU on ${without#cpu }, though the job has" \
      "$SLURM_GPUS_ON_NODE: pip install -e '.[cuda]'; to run on the CPU all" \
      'the same, sbatch --gpus-per-node=0 (a sweep:' \
      '--sbatch=--gpus-per-node=0)' >&2
    exit 2
  fi
fi

# SLURM itself sends SIGTERM to every process, and the warning of a time limit to
# this script alone: srun passes that on.
step='' warned=''
pass_on() { [[ -z $step ]] || kill "-$1" "$step" || true; }
trap : TERM
trap 'warned=1; pass_on USR1' USR1
trap 'pass_on USR2' USR2
srun --kill-on-bad-exit=1 "$python" -m rdd_jax.main --distributed "$@" &
step=$!
[[ -z $warned ]] || pass_on USR1
while kill -0 "$step" 2> /dev/null; do
  wait "$step" || true  # until a signal, at least
done
status=0
wait "$step" || status=$?
starts=${SLURM_RESTART_COUNT:-0}
if [[ -n $warned && $status != 0 ]] && ((starts < ${REQUEUE:-0})); then
  echo "stopped before its time limit; requeued, $((REQUEUE - starts)) left"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
