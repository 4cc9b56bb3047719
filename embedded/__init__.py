"""Everything that lets the platform run on one bare machine. Not part of the package that others install."""
