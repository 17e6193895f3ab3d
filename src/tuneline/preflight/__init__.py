"""What a run needs, checked before its first node; each module finds problems of one kind."""
