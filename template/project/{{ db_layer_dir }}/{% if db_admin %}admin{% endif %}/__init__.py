"""A page at `/admin` to look into the tables and to change rows."""
