"""``python -m datasets.pack_nas_bench_graph [--from WHEEL]`` makes the table that is shipped."""

from experiment.errors import run_command

if __name__ == "__main__":
    from datasets.commands.pack_nas_bench_graph import main

    run_command(main)
