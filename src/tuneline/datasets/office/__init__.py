"""Office files: workbooks and documents."""
