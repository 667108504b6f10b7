"""Values from text and files, exactly."""
