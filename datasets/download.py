"""``python -m datasets.download --space NB101 [--file nasbench_full.tfrecord]`` fetches files."""

from experiment.errors import run_command

if __name__ == "__main__":
    from datasets.commands.download import main

    run_command(main)
