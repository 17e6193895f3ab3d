"""What goes beyond one machine: rows that Spark's workers read, clean and divide."""
