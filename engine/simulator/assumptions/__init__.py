"""What a run takes for granted: the venue, queues, fees, delays, chance."""
