#!/bin/sh
# sbatch --array=1-16 slurm.sh dovecot-maildir
# sbatch --dependency=afterany:JOB --wrap 'fermoposta merge fermoposta-runs/sweep-dovecot-maildir-*-of-16 --to whole'
#SBATCH --job-name=fermoposta
#SBATCH --cpus-per-task=2
#SBATCH --time=04:00:00
fermoposta sweep "$1" --shard auto
# 1 and 2 are verdicts on a part; that of the whole is given by `merge`.
[ $? -le 2 ]
