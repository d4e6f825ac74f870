"""What a run is going to do, and what it is going to take."""
