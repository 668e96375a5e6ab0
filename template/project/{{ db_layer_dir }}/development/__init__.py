"""What a developer runs, and production does not."""
