"""Grading: the answers of a class, judged by the engine of `checking`, each once.

Theory of operation. A run collects, judges and exports:

    files        what lies in a folder or an archive, read and never extracted
    handed       whose answer to which exercise each of it is
    versions     what a verdict depends on, as a key: the answer, the checks, the engine, the limits
    store        SQLite: what was handed in last, and every verdict by its key
    running      the answers without a verdict, a few at a time
    cluster      the same on the workers of a Dask cluster
    gradebook    the table of a class
    summary      what the class as a whole did
    formats      the same for Gradescope, Classroom 50 and CI services
    pages        HTML for each student, for the class and for pairs alike, from templates

and compares:

    tokens       an answer without what makes no difference
    similarity   fingerprints, and the pairs that share many

A verdict is stored as soon as it is there, so what ends a run loses none: the next run judges what
has no verdict. An answer that is the same, of whomever, costs nothing. Changed checks change the
keys of the answers that they judge, and of no others.
"""
