"""From the official archives to images of a split: unpacking, what the parts are, where the images go."""
