"""The kind of stage that makes a coreset."""
