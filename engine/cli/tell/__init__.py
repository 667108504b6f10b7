"""What commands say: results of the face in words for a person."""
