"""Whatever the user calls data -> labelled images; decoding; splits."""
