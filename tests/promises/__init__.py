"""What the course promises, as tests over the repository as it is.

Each file is one promise. What a file looks for is a plain function over a notebook or a text, and
the file also shows broken examples in which that function finds the fault: a promise that cannot
fail would promise nothing.
"""
