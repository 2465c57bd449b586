"""Images: found, read once, hashed, cached; real ones and rendered stand-ins."""
