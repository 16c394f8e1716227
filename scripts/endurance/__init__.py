"""Endurance: long and rough use of a mounted vault, as scripts/kill_rounds and scripts/soak run it."""
