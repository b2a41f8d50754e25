"""What an instructor gives to others: the learners' copy of the course, an autograder's archive."""
