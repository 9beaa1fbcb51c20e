"""What each method gives to the page: its pictures with captions."""
