<<<<<<< /tmp/tmp1x9i1xhb
"""What each method shows: pictures
=======
"""The pictures of each method,
>>>>>>> /tmp/tmpp4virod6 with captions."""
