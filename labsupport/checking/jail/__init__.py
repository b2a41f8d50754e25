"""The side of an answer's process: what it may do, and the warm process that forks it.

These modules run around an answer, as part of a package of their own in which nothing of the checks
can be imported (see `labsupport.checking.hosts`).

    zygote      forks answers, each into a jail
    tree        the files that a sealed answer sees
    seccomp     the system calls that it may not make
    landlock    a fence where there are no namespaces
    syscalls    what Python has no function for
"""
