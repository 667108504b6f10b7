"""What is read out of a session's journal afterwards: its twin, queues, delays, its report, its predictions."""
