"""What is fast is shown here, against peers, in one run; never asserted in a timed unit test."""
