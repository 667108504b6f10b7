"""What gives a candidate its edge."""
