"""What is checked before a run starts: the files of conf/, parameters, models and machine."""
