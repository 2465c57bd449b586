"""Taking a trained encoder out of the store: a folder that timm and the Hub read, with a card."""
