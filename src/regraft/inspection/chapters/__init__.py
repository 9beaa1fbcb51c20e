<<<<<<< /tmp/tmpqh_8f4dh
<<<<<<< /tmp/tmp1x9i1xhb
"""What each method shows: pictures
=======
=======
>>>>>>> /tmp/tmpvnhk7dk8
"""The pictures of each method,
<<<<<<< /tmp/tmpqh_8f4dh
>>>>>>> /tmp/tmpp4virod6
=======
>>>>>>> /tmp/tmpvnhk7dk8 with captions."""
