"""The command `kedro storage`: what fills the disks, and what may go."""
