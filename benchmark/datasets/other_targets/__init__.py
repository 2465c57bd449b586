"""Targets of other works' tables, one module each: no fine-grained sets of the paper, and without stand-ins."""
