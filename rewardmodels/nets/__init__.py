"""The networks of the reward models; no Django here."""
