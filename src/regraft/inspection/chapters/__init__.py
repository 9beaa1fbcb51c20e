<<<<<<< /tmp/tmpxrra0b7c
<<<<<<< /tmp/tmpqh_8f4dh
<<<<<<< /tmp/tmp1x9i1xhb
"""What each method shows: pictures
=======
=======
>>>>>>> /tmp/tmpvnhk7dk8
=======
>>>>>>> /tmp/tmpmuwduk_w
"""The pictures of each method,
<<<<<<< /tmp/tmpxrra0b7c
<<<<<<< /tmp/tmpqh_8f4dh
>>>>>>> /tmp/tmpp4virod6
=======
>>>>>>> /tmp/tmpvnhk7dk8 with ======= with their >>>>>>> /tmp/tmpmuwduk_w
captions."""
