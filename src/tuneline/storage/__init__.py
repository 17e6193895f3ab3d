"""`kedro storage`: what fills the disks, what may go, and the hub's cache on another disk."""
