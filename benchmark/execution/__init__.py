"""Where and how stages run: the store, the workers, the engines. Knows nothing of images or learning."""
