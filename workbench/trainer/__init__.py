"""What every training process stands on: events, checkpoints, signals, distributed start, the loop.

Nothing here imports Django: a trainer is driven from a shell as `python -m MODULE --run-dir DIR`.
"""
