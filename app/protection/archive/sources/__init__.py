"""Where the files of an archive come from."""
