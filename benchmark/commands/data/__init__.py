"""Image folders: from the official archives to a verified data root."""
