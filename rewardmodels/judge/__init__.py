"""Reward models at work: the weights file, scoring, accuracies; no Django here."""
