"""What every module may use: files, hashes, disks, limits, text, the terminal."""
