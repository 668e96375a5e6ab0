"""Changes to files the user already has: text in, text out. Only ``run.py`` touches the disk."""
