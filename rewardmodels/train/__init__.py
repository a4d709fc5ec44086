"""Trains reward models: `python -m rewardmodels.train KIND --run-dir DIR`; no Django here."""
