"""Engines that hand stages to workers."""
