"""Registered data sets: targets and open-sets, one file each."""
