"""Rendered stand-ins for the images of registered data sets."""
