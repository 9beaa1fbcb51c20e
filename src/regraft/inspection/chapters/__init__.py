"""What each method shows: pictures with captions."""
