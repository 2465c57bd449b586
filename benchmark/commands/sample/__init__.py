"""The practitioner's command: a coreset of anybody's images, with no table in sight."""
