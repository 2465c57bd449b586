"""The verb `show`: all that is known of one name."""
